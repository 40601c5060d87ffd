"""A strict STS on loopback: AssumeRoleWithSAML and AssumeRole as AWS documents them, refusals included.

    python sts.py PORT [ENDPOINT=PORT ...]

It speaks AWS's query protocol: AssumeRoleWithSAML; AssumeRole, for callers that
tests have named; GetCallerIdentity, which checks the signature of credentials
issued here; and of IAM what tells how its
roles and providers are set up (GetRole, GetSAMLProvider) and what a caller's role
may do (SimulatePrincipalPolicy). Tests set it up and
question it by JSON at paths that AWS has not:

    PUT /_providers  {"arn", "metadata", "audiences"?}     adds or replaces
    PUT /_roles      {"arn", "trust_policy", "max_session_duration"?}
    PUT /_callers    {"access_key_id", "secret", "token"?, "arn", "policy"?, "expired"?}
    PUT /_clock      {"now": "2026-11-23T09:00:00Z"}       ticks on from there; {} is the real time
    PUT /_faults     [{"times", "status"?, "code"?, "message"?, "delay"?, "drop"?, "action"?}]
    GET /_calls      what was asked and answered;  DELETE forgets it

Conditions of trust policies see `aws:SourceIp`: the address of the caller's socket,
which on Linux may be any of 127.0.0.0/8. Each ENDPOINT (vpce-...) is a VPC endpoint, at
a port of its own: who comes in there has `aws:SourceVpce` instead.

A fault strikes the next `times` calls of `action` (AssumeRoleWithSAML): waits
`delay` seconds, then answers `code` (with `status`), or nothing ("drop":
"before"), or serves the call and loses the answer ("drop": "after").

What is guessed, because AWS does not say: PackedPolicySize (the share of 1,024
bytes that policy, ARNs and tags take when deflated), and refusals that the
documentation describes without their code (InvalidIdentityToken).
"""

import base64
import binascii
import hashlib
import json
import math
import re
import secrets
import sys
import threading
import time
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit
from xml.sax.saxutils import escape

import saml
import sigv4
import trust
from errors import Refused

ROLE_ARN = re.compile(r"arn:(aws|aws-us-gov|aws-cn):iam::(\d{12}):role/((?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64}))", re.ASCII)
PROVIDER_ARN = re.compile(r"arn:(aws|aws-us-gov|aws-cn):iam::(\d{12}):saml-provider/([\w._-]{1,128})", re.ASCII)
POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(aws|\d{12}):policy/[\x21-\x7e]+", re.ASCII)
NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
# AWS: [\p{L}\p{Z}\p{N}_.:/=+\-@]
TAG_KEY = re.compile(r"[\w .:/=+\-@]{1,128}")
TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
AUDIENCES = {
    "aws": ["https://signin.aws.amazon.com/saml", "urn:amazon:webservices"],
    "aws-us-gov": ["https://signin.amazonaws-us-gov.com/saml", "urn:amazon:webservices:govcloud"],
    "aws-cn": ["https://signin.amazonaws.cn/saml", "urn:amazon:webservices:cn-north-1"],
}
NAMESPACES = {
    "2011-06-15": "https://sts.amazonaws.com/doc/2011-06-15/",
    "2010-05-08": "https://iam.amazonaws.com/doc/2010-05-08/",
}
PACKED_BYTES = 1_024


@dataclass
class Role:
    arn: str
    trust_policy: dict
    max_session_duration: int = 3_600
    id: str = field(default_factory=lambda: "AROA" + random_id())


@dataclass
class Caller:
    """Whose own credentials a call may be signed with. `policy`: what it may do, all of it
    if none is given; a session (`token`) of a role is chained."""

    access_key_id: str
    secret: str
    arn: str
    token: str = ""
    policy: dict | None = None
    expired: bool = False

    def may(self, actions, resource, context):
        return self.policy is None or trust.permits(self.policy, actions, resource, context)

    def conditions(self):
        """The keys that its policy has conditions on."""
        statements = trust.listed((self.policy or {}).get("Statement"))
        operators = [keys for statement in statements for keys in statement.get("Condition", {}).values()]
        return sorted({key for keys in operators for key in keys})


@dataclass
class Issued:
    """Credentials, as STS remembers them."""

    secret: str
    token: str
    arn: str
    user_id: str
    account: str
    expires: datetime


class State:
    """Everything that the tests can set, and what was asked."""

    def __init__(self):
        self.lock = threading.Lock()
        self.providers, self.roles, self.issued, self.callers = {}, {}, {}, {}
        self.faults, self.calls = [], []
        self.offset = timedelta()

    def now(self):
        return datetime.now(timezone.utc) + self.offset

    def fault(self, action):
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and fault.get("action", "AssumeRoleWithSAML") == action:
                    fault["times"] -= 1
                    return fault
        return {}

    def set(self, what, value):
        if what == "providers":
            partition = match(PROVIDER_ARN, value["arn"], "sAMLProviderArn")[1]
            audiences = value.get("audiences") or AUDIENCES[partition]
            self.providers[value["arn"]] = saml.Provider.register(value["arn"], value["metadata"], audiences)
        elif what == "roles":
            match(ROLE_ARN, value["arn"], "roleArn")
            self.roles[value["arn"]] = Role(**value)
        elif what == "callers":
            self.callers[value["access_key_id"]] = Caller(**value)
        elif what == "clock":
            now = value.get("now")
            self.offset = datetime.fromisoformat(now) - datetime.now(timezone.utc) if now else timedelta()
        elif what == "faults":
            with self.lock:
                self.faults = value
        else:
            raise Refused("InvalidAction", f"nothing to set at _{what}", 404)


# ------------------------------------------------------------------ the operations


def assume_role_with_saml(state, request):
    parameters = request.parameters
    if request.headers.get("Authorization"):
        # Nothing could have signed it: who calls has no credentials yet.
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid")
    field = parameters.get("SAMLAssertion", "")
    between(len(field), 4, 100_000, "sAMLAssertion", "length")
    partition, account, _, role_name = match(ROLE_ARN, parameters.get("RoleArn", ""), "roleArn").groups()
    match(PROVIDER_ARN, parameters.get("PrincipalArn", ""), "principalArn")
    seconds = duration(parameters.get("DurationSeconds", "3600"))
    policy, arns = scope_down(parameters)

    provider = state.providers.get(parameters["PrincipalArn"])
    if provider is None:
        raise saml.invalid("Specified provider doesn't exist")
    now = state.now()
    identity = saml.read(field, provider, now)
    role = state.roles.get(parameters["RoleArn"])
    not_authorized = Refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
    # A role that is not there and one that does not trust look the same from outside.
    if role is None or (role.arn, provider.arn) not in identity.pairs:
        raise not_authorized
    qualifier = name_qualifier(identity.issuer, account, provider.arn)
    actions, context = asked_of_trust(identity, qualifier)
    if not trust.allows(role.trust_policy, trust.provider(provider.arn), actions, context | source(request)):
        raise not_authorized
    if seconds > role.max_session_duration:
        raise validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    packed = packed_size(policy, arns, identity.tags)
    if packed > 100:
        message = f"Packed policy consumes {packed}% of allotted space, please use smaller policy."
        raise Refused("PackedPolicyTooLarge", message)

    expires = now.replace(microsecond=0) + timedelta(seconds=seconds)
    if identity.session_ends is not None:
        expires = min(expires, identity.session_ends.replace(microsecond=0))
    result = issue(state, request, role, identity.session_name, expires) | {
        "Subject": identity.subject,
        "SubjectType": identity.subject_type,
        "Issuer": identity.issuer,
        "Audience": identity.recipient,
        "NameQualifier": qualifier,
    }
    if packed:
        result["PackedPolicySize"] = packed
    if identity.source_identity:
        result["SourceIdentity"] = identity.source_identity
    return result


def issue(state, request, role, session_name, expires):
    partition, account, _, role_name = ROLE_ARN.fullmatch(role.arn).groups()
    key = "ASIA" + random_id()
    issued = Issued(
        secret=base64.b64encode(secrets.token_bytes(30)).decode(),
        token=base64.b64encode(secrets.token_bytes(690)).decode(),
        arn=f"arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        account=account,
        expires=expires,
    )
    state.issued[key] = issued
    request.access_key_id = key
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.token,
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "AssumedRoleUser": {"AssumedRoleId": issued.user_id, "Arn": issued.arn},
    }


def assume_role(state, request):
    parameters = request.parameters
    caller = signed_by(state, request)
    match(ROLE_ARN, parameters.get("RoleArn", ""), "roleArn")
    session_name = word(parameters.get("RoleSessionName", ""), NAME, "roleSessionName")
    seconds = duration(parameters.get("DurationSeconds", "3600"))
    policy, arns = scope_down(parameters)
    tags = session_tags(parameters)
    actions = ["sts:AssumeRole"]
    context = {"sts:RoleSessionName": session_name}
    if "ExternalId" in parameters:
        context["sts:ExternalId"] = word(parameters["ExternalId"], EXTERNAL_ID, "externalId")
    if "SourceIdentity" in parameters:
        context["sts:SourceIdentity"] = word(parameters["SourceIdentity"], NAME, "sourceIdentity")
        actions.append("sts:SetSourceIdentity")
    if tags:
        context |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
        actions.append("sts:TagSession")

    # AWS's message names the caller and the role; which side forbids it, it does not say.
    denied = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {parameters['RoleArn']}"
    role = state.roles.get(parameters["RoleArn"])
    if role is None or not caller.may(actions, role.arn, context | source(request)):
        raise Refused("AccessDenied", denied)
    if not trust.allows(role.trust_policy, trust.caller(caller.arn), actions, context | source(request)):
        raise Refused("AccessDenied", denied)
    if caller.token and seconds > 3_600:
        raise validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if seconds > role.max_session_duration:
        raise validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    packed = packed_size(policy, arns, tags)
    if packed > 100:
        message = f"Packed policy consumes {packed}% of allotted space, please use smaller policy."
        raise Refused("PackedPolicyTooLarge", message)
    expires = state.now().replace(microsecond=0) + timedelta(seconds=seconds)
    result = issue(state, request, role, session_name, expires)
    if packed:
        result["PackedPolicySize"] = packed
    if "SourceIdentity" in parameters:
        result["SourceIdentity"] = parameters["SourceIdentity"]
    return result


def signed_by(state, request):
    """Whose own credentials the call is signed with."""
    if not request.headers.get("Authorization"):
        raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    caller = state.callers.get(sigv4.access_key_id(request.headers))
    token = request.headers.get("X-Amz-Security-Token", "")
    if caller is None or not secrets.compare_digest(token, caller.token):
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    if caller.expired:
        raise Refused("ExpiredToken", "The security token included in the request is expired", 403)
    if not sigv4.is_signed_with(request, caller.secret):
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match", 403)
    return caller


def session_tags(parameters):
    tags = {}
    for number in range(1, len(parameters)):
        key = parameters.get(f"Tags.member.{number}.Key")
        if key is None:
            break
        value = parameters.get(f"Tags.member.{number}.Value", "")
        word(key, TAG_KEY, "tags")
        word(value, TAG_VALUE, "tags")
        if key.lower().startswith("aws:") or key.lower() in {other.lower() for other in tags}:
            raise validation("Duplicate or reserved tag keys found. Please note that Tag keys are case insensitive.")
        tags[key] = value
    between(len(tags), 0, 50, "tags", "length")
    return tags


def asked_of_trust(identity, qualifier):
    """The actions that a trust policy must allow, and what its conditions see."""
    actions = ["sts:AssumeRoleWithSAML"]
    context = {
        "SAML:aud": identity.recipient,
        "SAML:iss": identity.issuer,
        "SAML:sub": identity.subject,
        "SAML:sub_type": identity.subject_type,
        "SAML:namequalifier": qualifier,
        "sts:RoleSessionName": identity.session_name,
    }
    if identity.tags:
        actions.append("sts:TagSession")
        context |= {f"aws:RequestTag/{name}": value for name, value in identity.tags.items()}
    if identity.source_identity:
        actions.append("sts:SetSourceIdentity")
        context["sts:SourceIdentity"] = identity.source_identity
    return actions, context


def source(request):
    """Where the call comes from: the network, or a VPC endpoint, never both."""
    endpoint = request.server.endpoint
    return {"aws:SourceVpce": endpoint} if endpoint else {"aws:SourceIp": request.client_address[0]}


def get_caller_identity(state, request):
    key = sigv4.access_key_id(request.headers)
    if key in state.callers:
        caller = signed_by(state, request)
        return {"Arn": caller.arn, "UserId": "AROAVESTIBULE:session", "Account": caller.arn.split(":")[4]}
    issued = state.issued.get(key)
    if issued is None or not secrets.compare_digest(request.headers.get("X-Amz-Security-Token", ""), issued.token):
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
    if state.now() >= issued.expires:
        raise Refused("ExpiredToken", "The security token included in the request is expired")
    if not sigv4.is_signed_with(request, issued.secret):
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match")
    return {"Arn": issued.arn, "UserId": issued.user_id, "Account": issued.account}


def get_role(state, request):
    name = request.parameters.get("RoleName", "")
    role = next((role for arn, role in state.roles.items() if arn.rpartition("/")[2] == name), None)
    if role is None:
        raise Refused("NoSuchEntity", f"The role with name {name} cannot be found.")
    described = {
        "RoleName": name,
        "RoleId": role.id,
        "Arn": role.arn,
        "Path": "/" + role.arn.split(":role/")[1].removesuffix(name),
        "CreateDate": "2026-01-01T00:00:00Z",
        "MaxSessionDuration": role.max_session_duration,
        # IAM returns policies encoded for URLs.
        "AssumeRolePolicyDocument": quote(json.dumps(role.trust_policy), safe=""),
    }
    return {"Role": described}


def simulate_principal_policy(state, request):
    """What the identity policy of a caller's role allows, as IAM decides: trust policies have no say."""
    parameters = request.parameters
    arn = parameters.get("PolicySourceArn", "")
    name = match(ROLE_ARN, arn, "policySourceArn")[3].rpartition("/")[2]
    session = f":sts::{arn.split(':')[4]}:assumed-role/{name}/"
    caller = next((caller for caller in state.callers.values() if session in caller.arn), None)
    if caller is None:
        raise Refused("NoSuchEntity", f"The role with name {name} cannot be found.")
    actions = [value for key, value in parameters.items() if key.startswith("ActionNames.member.")]
    decisions = [
        {
            "EvalActionName": action,
            "EvalResourceName": parameters["ResourceArns.member.1"],
            "EvalDecision": "allowed" if caller.may([action], parameters["ResourceArns.member.1"], {}) else "implicitDeny",
            "MissingContextValues": caller.conditions(),
        }
        for action in actions
    ]
    return {"IsTruncated": "false", "EvaluationResults": decisions}


def get_saml_provider(state, request):
    provider = state.providers.get(request.parameters.get("SAMLProviderArn"))
    if provider is None:
        raise Refused("NoSuchEntity", "Manifest not found for the provider")
    return {
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": "2026-01-01T00:00:00Z",
        "ValidUntil": "2126-01-01T00:00:00Z",
    }


ACTIONS = {
    ("2011-06-15", "AssumeRoleWithSAML"): assume_role_with_saml,
    ("2011-06-15", "AssumeRole"): assume_role,
    ("2011-06-15", "GetCallerIdentity"): get_caller_identity,
    ("2010-05-08", "GetRole"): get_role,
    ("2010-05-08", "GetSAMLProvider"): get_saml_provider,
    ("2010-05-08", "SimulatePrincipalPolicy"): simulate_principal_policy,
}

# ------------------------------------------------------------------ parameters


def validation(message):
    return Refused("ValidationError", message)


def between(value, least, most, name, what="value"):
    if not least <= value <= most:
        raise validation(f"1 validation error detected: '{name}' must have {what} between {least} and {most}")


def match(pattern, text, name):
    found = pattern.fullmatch(text)
    if not found:
        raise validation(f"{text} is invalid: '{name}' is not an ARN of the right kind")
    return found


def word(text, pattern, name):
    if not pattern.fullmatch(text):
        raise validation(f"1 validation error detected: '{name}' failed to satisfy constraint")
    return text


def duration(text):
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise validation("1 validation error detected: 'durationSeconds' is not a number")
    between(int(text), 900, 43_200, "durationSeconds")
    return int(text)


def scope_down(parameters):
    """The session policy and the policy ARNs, as far as their form can be judged."""
    policy = parameters.get("Policy")
    if policy is not None:
        between(len(policy), 1, 2_048, "policy", "length")
        try:
            document = json.loads(policy)
            statements = trust.listed(document["Statement"])
            well_formed = bool(statements) and all(
                each.get("Effect") in ("Allow", "Deny")
                and ("Action" in each or "NotAction" in each)
                and ("Resource" in each or "NotResource" in each)
                and "Principal" not in each
                for each in statements
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            well_formed = False
        if not well_formed:
            raise Refused("MalformedPolicyDocument", "The policy is not in the valid JSON format.")
    arns = [value for name, value in parameters.items() if re.fullmatch(r"PolicyArns\.member\.\d+\.arn", name)]
    if len(arns) > 10:
        raise validation("1 validation error detected: 'policyArns' must have length less than or equal to 10")
    for arn in arns:
        match(POLICY_ARN, arn, "policyArns")
    return policy, arns


def packed_size(policy, arns, tags):
    packed = "\n".join([policy or "", *arns, *(f"{name}={value}" for name, value in sorted(tags.items()))])
    return math.ceil(100 * len(zlib.compress(packed.encode(), 9)) / PACKED_BYTES) if packed else 0


def name_qualifier(issuer, account, provider_arn):
    text = f"{issuer}{account}/{provider_arn.rpartition('/')[2]}"
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def random_id():
    return base64.b32encode(secrets.token_bytes(10)).decode()


# ------------------------------------------------------------------ HTTP


def xml(value):
    if isinstance(value, dict):
        return "".join(f"<{name}>{xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{xml(inner)}</member>" for inner in value)
    return escape(str(value))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that head and body leave in one packet.
    wbufsize = -1
    state = State()

    def do_PUT(self):
        self.admin(lambda: self.state.set(self.path.removeprefix("/_"), json.loads(self.body())))

    def do_DELETE(self):
        self.admin(self.state.calls.clear)

    def do_GET(self):
        if self.path == "/_ready":
            self.admin(lambda: None)
        elif self.path == "/_calls":
            self.admin(lambda: list(self.state.calls))
        else:
            self.payload = b""
            self.query(urlsplit(self.path).query)

    def do_POST(self):
        self.query(self.body().decode("utf-8", "replace"))

    def body(self):
        self.payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return self.payload

    def query(self, text):
        self.request_id = str(uuid.uuid4())
        self.access_key_id = None
        self.parameters = dict(parse_qsl(text, keep_blank_values=True))
        action = self.parameters.get("Action", "")
        version = self.parameters.get("Version", "2011-06-15")
        namespace = NAMESPACES.get(version, NAMESPACES["2011-06-15"])
        fault = self.state.fault(action)
        time.sleep(fault.get("delay", 0))
        try:
            if fault.get("drop") == "before":
                raise Refused("Dropped", "")
            if "code" in fault or "status" in fault:
                code = fault.get("code", "InternalFailure")
                raise Refused(code, fault.get("message", "A fault that the test asked for"), fault.get("status"))
            operation = ACTIONS.get((version, action))
            if operation is None:
                raise Refused("InvalidAction", f"Could not find operation {action} for version {version}")
            result = operation(self.state, self)
            status, code = 200, "OK"
            inner = f"<{action}Result>{xml(result)}</{action}Result>"
            inner += f"<ResponseMetadata><RequestId>{self.request_id}</RequestId></ResponseMetadata>"
            body = f'<{action}Response xmlns="{namespace}">{inner}</{action}Response>'
        except Refused as refused:
            status, code = refused.status, refused.code
            error = {"Type": "Sender" if status < 500 else "Receiver", "Code": code, "Message": refused.message}
            body = f'<ErrorResponse xmlns="{namespace}">{xml({"Error": error, "RequestId": self.request_id})}</ErrorResponse>'
        self.state.calls.append(
            {
                "action": action,
                "parameters": self.parameters,
                "signed": "Authorization" in self.headers,
                "signed_with": sigv4.access_key_id(self.headers) if "Authorization" in self.headers else None,
                "result": code,
                "access_key_id": self.access_key_id,
            }
        )
        if "drop" in fault:
            self.close_connection = True
            return
        self.answer(status, "text/xml", body.encode())

    def admin(self, work):
        self.request_id = "admin"
        try:
            status, value = 200, work()
        except Refused as refused:
            status, value = refused.status, str(refused)
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            status, value = 400, repr(error)
        self.answer(status, "application/json", json.dumps(value).encode())

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("x-amzn-RequestId", self.request_id)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What was asked is in `/_calls`."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 refuses connections when many log in at once.
    request_queue_size = 256
    # The VPC endpoint that it stands for. What a caller writes cannot change it.
    endpoint = None


def main():
    for argument in sys.argv[2:]:
        endpoint, _, port = argument.partition("=")
        server = Server(("127.0.0.1", int(port)), Handler)
        server.endpoint = endpoint
        threading.Thread(target=server.serve_forever, daemon=True).start()
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
