"""Evaluates a role's trust policy: as much of IAM as trusting a SAML provider takes."""

from fnmatch import fnmatchcase

from errors import Refused

OPERATORS = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    # Only `*` and `?` are wild in IAM.
    "StringLike": lambda wanted, value: fnmatchcase(value, wanted.replace("[", "[[]")),
}


def allows(policy, provider_arn, actions, context):
    """Whether every action is allowed to who comes from this provider, and none denied."""
    statements = listed(policy.get("Statement"))

    def matching(effect, action):
        return any(
            statement.get("Effect") == effect
            and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement.get("Action")))
            and trusts(statement.get("Principal"), provider_arn)
            and holds(statement.get("Condition", {}), context)
            for statement in statements
        )

    return all(matching("Allow", action) and not matching("Deny", action) for action in actions)


def trusts(principal, provider_arn):
    # A federated principal is named in full; `*` alone lets nobody in by federation.
    return isinstance(principal, dict) and provider_arn in listed(principal.get("Federated"))


def holds(condition, context):
    context = {key.lower(): value for key, value in context.items()}
    for operator, keys in condition.items():
        compare = OPERATORS.get(operator.removeprefix("ForAnyValue:"))
        if compare is None:
            # To guess either way would prove something that is not so.
            raise Refused("InternalFailure", f"this STS does not know the condition operator {operator}")
        for key, wanted in keys.items():
            value = context.get(key.lower())
            if value is None or not any(compare(each, value) for each in listed(wanted)):
                return False
    return True


def listed(value):
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
