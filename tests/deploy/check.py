#!/usr/bin/env python3
"""deploy/, held against the code: permissions, tables, references, the API.

Every action that a policy allows must be one that the code uses, on the same
resource, and the other way round (deploy/actions.toml says who uses what; the
SDK's calls in src/ say whether that is all). Prints what is wrong; exit code 1.
"""

import configparser
import copy
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import yaml
from prepared import prepared

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

# ---- the template, with its intrinsic functions


class Loader(yaml.SafeLoader):
    pass


def intrinsic(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", intrinsic)


def load_template():
    return yaml.load((DEPLOY / "sam/template.yaml").read_text(), Loader)


def targets(value):
    """What the references in a value name."""
    if isinstance(value, list):
        for each in value:
            yield from targets(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                for name in re.findall(r"\$\{([^}!]+)\}", each):
                    yield name if name.startswith("AWS::") else name.split(".")[0]
            elif key == "Fn::If":
                yield "condition " + each[0]
                yield from targets(each[1:])
            elif key == "Condition" and isinstance(each, str):
                yield "condition " + each
            else:
                yield from targets(each)


PSEUDO = {f"AWS::{n}" for n in "AccountId NoValue Partition Region StackName URLSuffix".split()}


def reference_faults(template, api):
    known = PSEUDO | set(template["Parameters"]) | set(template["Resources"])
    known |= {f"condition {name}" for name in template["Conditions"]}
    named = set(targets(template)) | set(targets(api))
    faults = [f"template: {name} is referred to, and is nowhere" for name in sorted(named - known)]
    unused = set(template["Parameters"]) | {f"condition {c}" for c in template["Conditions"]}
    return faults + [f"template: {name} is never used" for name in sorted(unused - named)]


# ---- permissions


def as_list(value):
    return value if isinstance(value, list) else [value]


KINDS = [
    (r"SessionsTable|table/SAMLSessions$", "sessions"),
    (r"ClaimsTable|table/SAMLClaims$", "claims"),
    (r"UsersTable|table/SAMLUsers$", "users"),
    (r"AuditTable|table/SAMLAudit$", "audit"),
    (r"KeysTable|table/SAMLKeys$", "keys"),
    (r"\['Key', 'Arn'\]|:key/[0-9a-f-]{36}$", "key"),
    (r":parameter(\$\{ParameterPath\}|/vestibule/prod)/\*", "parameters"),
    (r":log-group:/vestibule/prod:\*$|\$\{\w+Log\.Arn\}", "log"),
    (r":repository/vestibule$", "image"),
    (r"AssumableRoleArns|:role/ADFS-\*$", "people"),
    (r"^\*$", "*"),
]

# Under which condition of the template a role needs what a mode of actions.toml adds.
MODES = {"AssumesRoles": "assume-role", "InVpc": "vpc"}


def kind(resource):
    text = resource if isinstance(resource, str) else str(next(iter(resource.values())))
    for pattern, name in KINDS:
        if re.search(pattern, text):
            return name
    return f"unknown {text}"


def allowed(statements):
    """Action -> resources. Whatever widens a statement in another way is a fault."""
    found = {}
    for statement in statements:
        odd = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}
        if odd or statement["Effect"] != "Allow":
            found.setdefault(f"statement with {sorted(odd) or statement['Effect']}", set()).add("?")
            continue
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                found.setdefault(action, set()).add(kind(resource))
            bound = statement.get("Condition", {}).get("StringEquals", {})
            if action.startswith("kms:") and "kms:EncryptionContext:samlprovider" not in bound:
                found[action].add("any context")
            by_lambda = statement.get("Condition", {}).get("Null", {}).get("lambda:SourceFunctionArn")
            if action.startswith("ec2:") and by_lambda != "true":
                found[action].add("by the function's own code")
    return found


def permission_faults(name, statements, wanted):
    has = {(a, r) for a, rs in allowed(statements).items() for r in rs}
    wants = {(a, r) for a, rs in wanted.items() for r in rs}
    faults = [f"{name}: {a} on {r} is allowed, and nothing uses it" for a, r in sorted(has - wants)]
    return faults + [f"{name}: {a} on {r} is used, and not allowed" for a, r in sorted(wants - has)]


def by_mode(statements):
    """The statements that always hold (None), and those of each mode."""
    modes = {None: []}
    for statement in statements:
        if "Fn::If" in statement:
            condition, chosen, other = statement["Fn::If"]
            odd = other != {"Ref": "AWS::NoValue"}
            modes.setdefault(MODES.get(condition, condition), []).extend([chosen] + [{"Effect": "else"}] * odd)
        else:
            modes[None].append(statement)
    return modes


def wanted_of(actions, role, mode):
    roles = actions["mode"].get(mode, {}) if mode else actions["role"]
    return roles.get(role, {})


def all_policies(template):
    """Every identity policy of deploy/, by the role and the mode of actions.toml that it is for."""
    for name, role, statements in policies(template):
        for mode, statements in by_mode(statements).items():
            yield f"{name} ({mode})" if mode else name, role, mode, statements
    for path in sorted((DEPLOY / "iam").glob("*.json")):
        if not path.stem.startswith("trust-"):
            role, _, mode = path.stem.partition(".")
            yield f"iam/{path.name}", role, mode or None, json.loads(path.read_text())["Statement"]


def policies(template):
    """Those of the template, by the role."""
    roles = {"HttpRole": "http", "AuthorizerRole": "authorizer", "SweeperRole": "sweeper"}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in properties["Policies"]:
                yield f"template {name}", roles.get(name), policy["PolicyDocument"]["Statement"]
            if "ManagedPolicyArns" in properties:
                yield f"template {name}", None, [{"Effect": "managed policies"}]
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            yield f"template {name}", "keys-operator", properties["PolicyDocument"]["Statement"]
        elif resource["Type"] == "AWS::Serverless::Function" and ("Policies" in properties or "Role" not in properties):
            yield f"template {name}", None, [{"Effect": "policies made by SAM"}]

def sdk_calls():
    """The operations of the SDK that the code calls: `.put_item()` and so on."""
    calls = set()
    for path in [*(ROOT / "src/adapters/aws").rglob("*.rs"), *(ROOT / "src/cli/doctor/inspect").rglob("*.rs")]:
        code = path.read_text().split("#[cfg(test)]")[0]
        code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
        # A fluent builder: made without arguments on a client, sent in the end.
        for match in re.finditer(r"(?:client|once|table|\.0|service)\s*\.([a-z_]+)\(\)", code):
            if match[1] not in ("config", "clone", "lock", "is_connect"):
                calls.add(match[1])
    return calls


def operation_faults(actions, calls):
    listed = dict(actions["operations"])
    expected = set(listed)
    faults = [f"src: {call}() is called, and not in actions.toml" for call in sorted(calls - expected)]
    faults += [f"actions.toml: {call}() is called nowhere" for call in sorted(expected - calls)]
    used = {action for each in listed.values() for action in each}
    roles = [*actions["role"].values(), *(role for mode in actions["mode"].values() for role in mode.values())]
    by_roles = {action for role in roles for action in role}
    ours = {action for action in by_roles if action.split(":")[0] in ("dynamodb", "kms", "ssm", "sts")}
    optional = set(actions["optional"]["actions"])
    faults += [f"actions.toml: no call needs {action}" for action in sorted(ours - used)]
    return faults + [f"actions.toml: no role has {action}" for action in sorted(used - ours - optional)]


# ---- what is left


def explanation_faults():
    lines = (DEPLOY / "sam/template.yaml").read_text().splitlines()
    inside = lines.index("Resources:")
    return [
        f"template:{n + 1}: a permission without a reason"
        for n, line in enumerate(lines)
        if n > inside and re.match(r"\s+- Sid: (?!Only)", line) and not lines[n - 1].lstrip().startswith("# ")
    ]


def function_faults(template):
    """One function for each thing that the binary can be; logins are swept every minute."""
    known = re.findall(r'"(\w+)" => Ok\(Self::', (ROOT / "src/lambda/mod.rs").read_text())
    functions = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    handlers = [f["Handler"] for f in functions]
    faults = [] if sorted(handlers) == sorted(known) else [f"template: handlers {handlers}, and the binary has {known}"]
    for function in functions:
        events = [(e["Type"], e["Properties"].get("Schedule")) for e in function.get("Events", {}).values()]
        wanted = [("Schedule", "rate(1 minute)")] if function["Handler"] == "sweeper" else []
        if events != wanted:
            faults.append(f"template: the events of {function['Handler']} are {events}, not {wanted}")
        off = [e for e in function.get("Events", {}).values() if e["Properties"].get("Enabled") is False]
        faults += [f"template: {function['Handler']} is switched off"] if off else []
    return faults


def table_faults(template):
    tables = {t["TableName"]: t for t in json.loads((ROOT / "tests/aws/tables.json").read_text())}
    faults = []
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::DynamoDB::Table":
            continue
        p = resource["Properties"]
        name = p["TableName"]["Fn::Sub"].removeprefix("${Prefix}")
        table = tables.pop(name, {})
        for key in ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"):
            if p.get(key) != table.get(key):
                faults.append(f"template: {name}'s {key} is not the adapter's")
        if p.get("TimeToLiveSpecification", {}).get("AttributeName") != table.get("TimeToLive"):
            faults.append(f"template: {name}'s TTL is not the adapter's")
        if not p["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
            faults.append(f"template: {name} cannot be recovered")
        if not p["SSESpecification"]["SSEEnabled"] or resource["DeletionPolicy"] != "Retain":
            faults.append(f"template: {name} is not encrypted, or goes with the stack")
    return faults + [f"template: no table {name}" for name in tables]


def packaged():
    """api.json, as deploy/sam/package makes it."""
    with tempfile.TemporaryDirectory() as out:
        command = [DEPLOY / "sam/package", "/bin/true", prepared(out), out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        assert (pathlib.Path(out) / "function/config/vestibule.toml").is_file()
        assert (pathlib.Path(out) / "function/bootstrap").stat().st_mode & 0o111
        return json.loads((pathlib.Path(out) / "api.json").read_text())


def demo_faults():
    """The demonstration forges SAML; what is deployed must be built without it."""
    faults = []
    for file, command in (("docs/AWS.md", "cargo lambda build"), ("deploy/Dockerfile", "cargo build")):
        builds = [line for line in (ROOT / file).read_text().splitlines() if command in line]
        if not builds or not all("--no-default-features" in line for line in builds):
            faults.append(f"{file}: builds the demo too")
    served = re.search(r'"(/adfs/[^"]*submit\.js)"', (ROOT / "src/demo/idp.rs").read_text())[1].encode()
    with tempfile.TemporaryDirectory() as directory:
        binary = pathlib.Path(directory) / "vestibule"
        binary.write_bytes(b"\x7fELF\0" + served + b"\0")
        command = [DEPLOY / "sam/package", binary, prepared(directory), pathlib.Path(directory) / "out"]
        packed = subprocess.run(command, capture_output=True, text=True)
        if packed.returncode == 0 or "--no-default-features" not in packed.stderr:
            faults.append("deploy/sam/package: packs a binary with the demo")
    return faults


def package_faults():
    """What a function would only find out at its first event is found when it is packaged."""
    key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    faults = []
    for what, told, spoil in (
        ("without a configuration", "vestibule init", lambda config: (config / "vestibule.toml").unlink()),
        ("without its metadata", "metadata = 'config/adfs.xml'", lambda config: (config / "adfs.xml").unlink()),
        ("with a private key", "Parameter Store", lambda config: (config / "saml-signing.pem").write_text(key)),
    ):
        with tempfile.TemporaryDirectory() as directory:
            config, out = prepared(directory), pathlib.Path(directory) / "out"
            spoil(config)
            packed = subprocess.run([DEPLOY / "sam/package", "/bin/true", config, out], capture_output=True, text=True)
            if packed.returncode == 0 or told not in packed.stderr or out.exists():
                faults.append(f"deploy/sam/package: packs a directory {what}: {packed.stderr}")
    return faults


def api_faults(api, template):
    source = json.loads((ROOT / "src/http/openapi.json").read_text())
    faults = []
    functions = {
        r["Properties"]["FunctionName"]["Fn::Sub"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::Serverless::Function"
    }
    for uri in re.findall(r"function:([^/]+)/invocations", json.dumps(api)):
        if uri not in functions:
            faults.append(f"api: there is no function {uri}")
    wanted = {(p, m) for p, i in source["paths"].items() for m, o in i.items() if o["tags"] == ["api"]}
    served = {(p, m) for p, i in api["paths"].items() for m in i}
    faults += [f"api: {m} {p}" for p, m in sorted(wanted ^ served)]
    distribution = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    patterns = [b["PathPattern"] for b in distribution["CacheBehaviors"] if b["TargetOriginId"] == "api"]
    reached = {p for p in api["paths"] if any(fnmatch.fnmatch(p, pattern) for pattern in patterns)}
    faults += [f"api: {p} is behind no path of CloudFront" for p in sorted(set(api["paths"]) - reached)]
    for path, item in api["paths"].items():
        for method, operation in item.items():
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"] != ("mock" if path == "/users" else "aws_proxy"):
                faults.append(f"api: {method} {path} is a {integration['type']}")
            guard = {("/saml", "get"): [{"ticket": []}], ("/users", "get"): [{"sigv4": []}]}.get((path, method))
            if operation.get("security") != guard:
                faults.append(f"api: {method} {path} is guarded by {operation.get('security')}")
    for word in ("oneOf", "nullable", "discriminator", "readOnly"):
        if f'"{word}"' in json.dumps(api):
            faults.append(f"api: API Gateway's SDK generator does not know {word}")
    for reference in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(api)):
        if reference not in api["components"]["schemas"]:
            faults.append(f"api: there is no schema {reference}")
    authorizer = api["components"]["securitySchemes"]["ticket"]["x-amazon-apigateway-authorizer"]
    if (authorizer["authorizerResultTtlInSeconds"], authorizer["type"]) != (0, "request"):
        faults.append("api: the authorizer's answers are cached, or it does not see the verifier")
    for name, answer in api["x-amazon-apigateway-gateway-responses"].items():
        if "gatewayresponse.header.Access-Control-Allow-Origin" not in answer["responseParameters"]:
            faults.append(f"api: {name} hides from the page")
    cors = (ROOT / "src/http/cors.rs").read_text()
    allowed_headers = ",".join(["authorization", *re.findall(r'from_static\("([\w-]+)"\)', cors)])
    if f"'{allowed_headers}'" not in json.dumps(api):
        faults.append("api: other CORS headers than the router's")
    return faults


def trust_faults():
    faults = []
    for path in sorted((DEPLOY / "iam").glob("trust-*.json")):
        for statement in json.loads(path.read_text())["Statement"]:
            ok = statement["Action"] == "sts:AssumeRole" and set(statement["Principal"]) == {"Service"}
            if not ok or statement["Effect"] != "Allow":
                faults.append(f"iam/{path.name} trusts otherwise")
    return faults


def resource_policy_faults(template):
    """Policies of resources: exactly these statements."""
    expected = {
        "PageBucketPolicy": {("Allow", "s3:GetObject"), ("Deny", "s3:*")},
        "Key": {("Allow", "kms:*"), ("Deny", "kms:Decrypt"), ("Deny", "kms:GenerateDataKeyWithoutPlaintext")},
    }
    faults = []
    for name, resource in template["Resources"].items():
        p = resource.get("Properties", {})
        document = p.get("KeyPolicy") or (p.get("PolicyDocument") if "BucketPolicy" in resource["Type"] else None)
        if document:
            found = {(s["Effect"], a) for s in document["Statement"] for a in as_list(s["Action"])}
            if found != expected.get(name):
                faults.append(f"template {name}: {found}")
    for s in template["Resources"]["PageBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        if s["Effect"] == "Allow" and "AWS:SourceArn" not in s["Condition"]["StringEquals"]:
            faults.append("template PageBucketPolicy: any distribution may read")
    return faults


def option_faults(template):
    """VESTIBULE_ variables name options (config/vestibule.toml shows all of them)."""
    options, section = set(), ""
    for line in (ROOT / "config/vestibule.toml").read_text().splitlines():
        if match := re.match(r"\[+([a-z.]+)\]+$", line):
            section = match[1].replace("saml.idp", "saml.idp.0")
        elif match := re.match(r"#?([a-z_]+) = ", line):
            options.add(f"VESTIBULE_{section}_{match[1]}".replace(".", "_").upper())
    task = json.loads((DEPLOY / "ecs/task-definition.json").read_text())
    named = {v["name"] for c in task["containerDefinitions"] for v in c["environment"]}
    named |= set(template["Globals"]["Function"]["Environment"]["Variables"])
    return [f"{name} is no option" for name in sorted(named - options - {"AWS_REGION"})]


def container_faults():
    faults = []
    (container,) = json.loads((DEPLOY / "ecs/task-definition.json").read_text())["containerDefinitions"]
    if not container["readonlyRootFilesystem"] or container["user"].startswith(("0", "root")):
        faults.append("ecs: root, or a writable file system")
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    known = set("FROM RUN WORKDIR COPY USER EXPOSE STOPSIGNAL ENTRYPOINT CMD".split())
    faults += [f"Dockerfile: {word}" for word, _ in lines if word not in known]
    last = max(n for n, (word, _) in enumerate(lines) if word == "FROM")
    final = lines[last:]
    if last == 0 or ["USER", "65532:65532"] not in final or any(word == "RUN" for word, _ in final):
        faults.append("Dockerfile: not two stages, or root at the end")
    for word, arguments in final:
        if word in ("ENTRYPOINT", "CMD"):
            json.loads(arguments)
        if word == "COPY" and not arguments.startswith("--from="):
            faults += [] if (ROOT / arguments.split()[0]).exists() else [f"Dockerfile: no {arguments}"]
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "systemd/vestibule.service")
    hardened = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "User": "vestibule", "CapabilityBoundingSet": ""}
    return faults + [f"vestibule.service: {k}" for k, v in hardened.items() if unit["Service"].get(k) != v]


def alert_faults():
    """Prometheus's rules: what promtool would ask of their form. tests/alerts.rs reads their expressions."""
    rules = [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    names = [rule.get("alert") for rule in rules]
    faults = [f"alerts: {name} twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for rule in rules:
        whole = set(rule) <= {"alert", "expr", "for", "labels", "annotations"} and isinstance(rule.get("expr"), str)
        told = rule.get("labels", {}).get("severity") in ("page", "ticket")
        told = told and set(rule.get("annotations", {})) == {"summary", "description"}
        faults += [] if whole and told else [f"alerts: {rule}"]
    return faults


def self_test(template, actions):
    """The checks can fail."""
    wanted = actions["role"]["http"]
    modes = by_mode(template["Resources"]["HttpRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"])
    statements = modes[None]
    assert not permission_faults("x", statements, wanted)
    for change in (
        lambda s: s.pop(),
        lambda s: s[0]["Action"].append("dynamodb:Scan"),
        lambda s: s[0].update(Resource="*"),
        lambda s: s[0].update(NotResource="*"),
        lambda s: next(x for x in s if x["Sid"] == "OpenTheKeyRing").pop("Condition"),
    ):
        changed = copy.deepcopy(statements)
        change(changed)
        assert permission_faults("x", changed, wanted), "a wrong policy is not seen"
    for mode, change in (
        ("assume-role", lambda s: s[0].update(Resource="arn:aws:iam::123456789012:role/*")),
        ("assume-role", lambda s: s[0]["Action"].remove("sts:TagSession")),
        ("vpc", lambda s: s[0].pop("Condition")),
    ):
        wanted, changed = wanted_of(actions, "http", mode), copy.deepcopy(modes[mode])
        assert not permission_faults("x", changed, wanted)
        change(changed)
        assert permission_faults("x", changed, wanted), "a wrong policy of a mode is not seen"
    otherwise = by_mode([{"Fn::If": ["InVpc", modes["vpc"][0], {"Effect": "Allow"}]}])
    assert permission_faults("x", otherwise["vpc"], wanted_of(actions, "http", "vpc"))
    assert operation_faults(actions, sdk_calls() | {"batch_get_item"})
    assert operation_faults(actions, sdk_calls() - {"scan"})
    unswept = copy.deepcopy(template)
    unswept["Resources"]["SweeperFunction"]["Properties"].pop("Events")
    misspelt = copy.deepcopy(template)
    misspelt["Resources"]["AuthorizerFunction"]["Properties"]["Handler"] = "authoriser"
    assert function_faults(unswept) and function_faults(misspelt)
    assert reference_faults({**template, "Outputs": {"x": {"Ref": "Nowhere"}}}, {})


def main():
    template, api = load_template(), packaged()
    actions = tomllib.loads((DEPLOY / "actions.toml").read_text())
    faults = reference_faults(template, api) + operation_faults(actions, sdk_calls())
    seen = set()
    for name, role, mode, statements in all_policies(template):
        seen.add((role, mode))
        faults += permission_faults(name, statements, wanted_of(actions, role, mode))
    needed = {(role, None) for role in actions["role"]}
    needed |= {(role, mode) for mode, roles in actions["mode"].items() for role in roles}
    faults += [f"no policy for {role} ({mode})" for role, mode in sorted(needed - seen, key=str)]
    faults += explanation_faults() + function_faults(template) + table_faults(template) + api_faults(api, template)
    faults += trust_faults() + resource_policy_faults(template) + option_faults(template) + container_faults()
    faults += demo_faults() + package_faults() + alert_faults()
    if not faults:
        self_test(template, actions)
    print("\n".join(faults) or f"deploy/: {len(actions['role'])} roles, as the code needs them")
    sys.exit(bool(faults))


main()
