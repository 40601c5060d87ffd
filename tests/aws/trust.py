"""Evaluates policies: as much of IAM as trusting a SAML provider, or a role, takes."""

from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from errors import Refused


def is_in_network(wanted, value):
    address = ip_address(value)
    network = ip_network(wanted, strict=False)
    return address.version == network.version and address in network


OPERATORS = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    # Only `*` and `?` are wild in IAM.
    "StringLike": lambda wanted, value: fnmatchcase(value, wanted.replace("[", "[[]")),
    "IpAddress": is_in_network,
}
# They hold where the other does not, and where the request has no such key.
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "NotIpAddress": "IpAddress"}


def allows(policy, is_principal, actions, context):
    """Whether every action is allowed to whoever `is_principal` knows, and none denied."""
    statements = listed(policy.get("Statement"))

    def matching(effect, action):
        return any(
            statement.get("Effect") == effect
            and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement.get("Action")))
            and is_principal(statement.get("Principal"))
            and holds(statement.get("Condition", {}), context)
            for statement in statements
        )

    return all(matching("Allow", action) and not matching("Deny", action) for action in actions)


def permits(policy, actions, resource, context):
    """Whether an identity policy allows every action on the resource, and denies none.

    NotAction and NotResource it does not know, and says so: to guess would prove something that
    is not so."""

    def matching(effect, action):
        return any(
            statement["Effect"] == effect
            and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
            and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
            and holds(statement.get("Condition", {}), context)
            for statement in statements
        )

    statements = listed(policy["Statement"])
    for statement in statements:
        if set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}:
            raise Refused("InternalFailure", f"this STS does not know all of the statement {statement}")
    return all(matching("Allow", action) and not matching("Deny", action) for action in actions)


def provider(arn):
    # A federated principal is named in full; `*` alone lets nobody in by federation.
    return lambda principal: isinstance(principal, dict) and arn in listed(principal.get("Federated"))


def caller(arn):
    """A role's session, or a user: by its own ARN, its role's, or its account."""
    partition, account = arn.split(":")[1], arn.split(":")[4]
    names = {arn, account, f"arn:{partition}:iam::{account}:root", "*"}
    if ":assumed-role/" in arn:
        names.add(f"arn:{partition}:iam::{account}:role/{arn.split('/')[1]}")

    def is_principal(principal):
        if principal == "*":
            return True
        return isinstance(principal, dict) and not names.isdisjoint(listed(principal.get("AWS")))

    return is_principal


def holds(condition, context):
    context = {key.lower(): value for key, value in context.items()}
    for operator, keys in condition.items():
        name = operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
        negated = name in NEGATED
        compare = OPERATORS.get(NEGATED.get(name, name))
        if compare is None or (negated and operator.startswith("ForAnyValue:")):
            # To guess either way would prove something that is not so.
            raise Refused("InternalFailure", f"this STS does not know the condition operator {operator}")
        for key, wanted in keys.items():
            value = context.get(key.lower())
            if value is None:
                if not (negated or operator.endswith("IfExists")):
                    return False
            elif any(compare(each, value) for each in listed(wanted)) == negated:
                return False
    return True


def listed(value):
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
