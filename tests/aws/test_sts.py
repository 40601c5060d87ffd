"""The strict STS is strict: each wrong response has its own refusal, an honest one none.

    target/test-tools/venv-aws/bin/python -m unittest discover -s tests/aws
"""

import base64
import http.client
import json
import os
import threading
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import boto3
import sts
import trust
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from errors import Refused
from lxml import etree
from signxml import XMLSigner

ISSUER = "http://adfs.example.com/adfs/services/trust"
ACS = "https://vestibule.example.com/saml"
ACCOUNT = "arn:aws:iam::123456789012"
PROVIDER = f"{ACCOUNT}:saml-provider/ADFS"
ROLE = f"{ACCOUNT}:role/federated/ADFS-Dev"
OTHER_ROLE = f"{ACCOUNT}:role/ADFS-Ops"
SAML = "https://aws.amazon.com/SAML/Attributes/"


def key_pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "adfs.example.com")])
    start = datetime.now(timezone.utc) - timedelta(days=400)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    # Expired: IAM does not mind.
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=365))
    return key, builder.sign(key, hashes.SHA256())


KEY, CERTIFICATE = key_pair()
STRANGERS_KEY, STRANGERS_CERTIFICATE = key_pair()


def metadata(certificate, use="signing", entity_id=ISSUER):
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    return (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}">'
        '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        f'<KeyDescriptor use="{use}"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
        f"<X509Certificate>{der}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        "</IDPSSODescriptor></EntityDescriptor>"
    )


def trust_policy(recipient=ACS, actions=("sts:AssumeRoleWithSAML",), provider=PROVIDER):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": list(actions),
                "Condition": {"StringEquals": {"SAML:aud": recipient}},
            }
        ],
    }


def at(seconds=0):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def attribute(name, *values):
    values = "".join(f"<AttributeValue>{value}</AttributeValue>" for value in values)
    return f'<Attribute Name="{SAML}{name}">{values}</Attribute>'


def response(
    issued=0,
    issuer=ISSUER,
    status="Success",
    recipient=ACS,
    confirmed_until=300,
    not_before=0,
    not_on_or_after=3600,
    audience="urn:amazon:webservices",
    session_name="paula@example.com",
    roles=(f"{PROVIDER},{ROLE}",),
    more="",
    session_ends=None,
):
    ends = f' SessionNotOnOrAfter="{at(session_ends)}"' if session_ends is not None else ""
    return (
        f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0" IssueInstant="{at()}">'
        f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>'
        f'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="{at(issued - 1)}">'
        f"<Issuer>{issuer}</Issuer>"
        '<Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">EXAMPLE\\paula</NameID>'
        '<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<SubjectConfirmationData NotOnOrAfter="{at(confirmed_until)}" Recipient="{recipient}"/>'
        "</SubjectConfirmation></Subject>"
        f'<Conditions NotBefore="{at(not_before - 1)}" NotOnOrAfter="{at(not_on_or_after)}">'
        f"<AudienceRestriction><Audience>{audience}</Audience></AudienceRestriction></Conditions>"
        f"<AttributeStatement>{attribute('RoleSessionName', session_name)}{attribute('Role', *roles)}{more}"
        f'</AttributeStatement><AuthnStatement AuthnInstant="{at()}"{ends}/></Assertion></samlp:Response>'
    )


def sign(xml, *what, key=KEY, certificate=CERTIFICATE):
    """Signs the elements named, in this order; `Assertion` if none is."""
    root = etree.fromstring(xml)
    for name in what or ["Assertion"]:
        target = root if name == "Response" else root.find("{*}Assertion")
        signer = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
        copy = etree.fromstring(etree.tostring(target))
        signed = signer.sign(copy, key=key, cert=[certificate], reference_uri="#" + target.get("ID"), id_attribute="ID")
        if target is root:
            root = signed
        else:
            root.replace(target, signed)
    return etree.tostring(root).decode()


def encode(xml):
    return base64.b64encode(xml.encode()).decode()


class Strict(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.endpoint = (sts.Server(("127.0.0.1", 0), sts.Handler) for _ in range(2))
        cls.endpoint.endpoint = "vpce-0123456789abcdef0"
        for server in (cls.server, cls.endpoint):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.url = f"http://127.0.0.1:{cls.server.server_address[1]}"
        cls.client = cls.aws("sts", signature_version=UNSIGNED)

    @classmethod
    def aws(cls, service, keys=("test", "test", None), **config):
        key, secret, token = keys
        config = Config(retries={"total_max_attempts": 1}, read_timeout=2, proxies={}, parameter_validation=False, **config)
        return boto3.client(
            service,
            region_name="eu-central-1",
            endpoint_url=cls.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        )

    @classmethod
    def tearDownClass(cls):
        for server in (cls.server, cls.endpoint):
            server.shutdown()
            server.server_close()

    def setUp(self):
        sts.Handler.state = sts.State()
        self.admin("PUT", "_providers", {"arn": PROVIDER, "metadata": metadata(CERTIFICATE)})
        self.admin("PUT", "_roles", {"arn": ROLE, "trust_policy": trust_policy(), "max_session_duration": 7200})
        self.admin("PUT", "_roles", {"arn": OTHER_ROLE, "trust_policy": trust_policy()})

    def admin(self, method, path, value=None):
        data = json.dumps(value).encode() if value is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{path}", data, method=method)) as answer:
            return json.load(answer)

    def ask(self, xml=None, **parameters):
        xml = sign(response()) if xml is None else xml
        parameters = {"SAMLAssertion": encode(xml), "RoleArn": ROLE, "PrincipalArn": PROVIDER} | parameters
        return self.client.assume_role_with_saml(**parameters)

    def refused(self, code, status, xml=None, **parameters):
        with self.assertRaises(ClientError) as caught:
            self.ask(xml, **parameters)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status))
        return answer["Error"]["Message"]

    # -------------------------------------------------------------- honest ones

    def test_honest_response_brings_credentials_that_work(self):
        answer = self.ask()
        credentials = answer["Credentials"]
        self.assertRegex(credentials["AccessKeyId"], r"^ASIA[A-Z2-7]{16}$")
        self.assertEqual(answer["Subject"], "EXAMPLE\\paula")
        self.assertEqual(answer["SubjectType"], "persistent")
        self.assertEqual(answer["Audience"], ACS)
        arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Dev/paula@example.com"
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], arn)
        keys = [credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        self.assertEqual(self.aws("sts", keys).get_caller_identity()["Arn"], arn)

        keys[1] = keys[1][::-1]
        with self.assertRaises(ClientError) as caught:
            self.aws("sts", keys).get_caller_identity()
        self.assertEqual(caught.exception.response["Error"]["Code"], "SignatureDoesNotMatch")

    def test_response_signed_or_both_signed_or_the_role_first(self):
        self.ask(sign(response(), "Response"))
        self.ask(sign(response(), "Assertion", "Response"))
        self.ask(sign(response(roles=(f"{ROLE}, {PROVIDER}", f"{PROVIDER},{OTHER_ROLE}"))))
        self.ask(sign(response(audience="https://signin.aws.amazon.com/saml")))

    def test_calls_are_remembered(self):
        self.ask(DurationSeconds=900)
        self.refused("AccessDenied", 403, RoleArn=OTHER_ROLE)
        calls = self.admin("GET", "_calls")
        self.assertEqual([call["result"] for call in calls], ["OK", "AccessDenied"])
        self.assertEqual(calls[0]["parameters"]["DurationSeconds"], "900")
        self.assertRegex(calls[0]["access_key_id"], "^ASIA")
        self.assertFalse(calls[0]["signed"])

    # -------------------------------------------------------------- signatures

    def test_unsigned_or_signed_by_a_stranger(self):
        self.refused("InvalidIdentityToken", 400, response())
        # After a rollover: the stranger's certificate is in KeyInfo, and not in IAM's copy.
        strange = sign(response(), key=STRANGERS_KEY, certificate=STRANGERS_CERTIFICATE)
        self.assertIn("signature", self.refused("InvalidIdentityToken", 400, strange))
        self.admin("PUT", "_providers", {"arn": PROVIDER, "metadata": metadata(STRANGERS_CERTIFICATE)})
        self.ask(strange)
        self.refused("InvalidIdentityToken", 400)

    def test_key_for_encryption_verifies_nothing(self):
        self.admin("PUT", "_providers", {"arn": PROVIDER, "metadata": metadata(CERTIFICATE, use="encryption")})
        self.refused("InvalidIdentityToken", 400)

    def test_changed_after_signing(self):
        self.refused("InvalidIdentityToken", 400, sign(response()).replace("paula@", "admin@"))
        both = sign(response(), "Assertion", "Response")
        self.refused("InvalidIdentityToken", 400, both.replace('ID="_r"', 'ID="_x"'))

    def test_genuine_assertion_beside_an_evil_one(self):
        genuine = sign(response())
        start, end = genuine.index("<Assertion"), genuine.index("</samlp:Response>")
        evil = response(session_name="administrator@example.com").replace('ID="_a"', 'ID="_e"')
        evil_start = evil.index("<Assertion")
        both = evil[:evil_start] + genuine[start:end] + evil[evil_start:]
        self.refused("InvalidIdentityToken", 400, both)
        # Or hidden in an element of the response that nobody reads.
        hidden = f"<samlp:Extensions>{genuine[start:end]}</samlp:Extensions>"
        self.refused("InvalidIdentityToken", 400, evil[:evil_start] + hidden + evil[evil_start:])

    def test_second_signature_must_hold_too(self):
        twice = sign(sign(response(), key=STRANGERS_KEY, certificate=STRANGERS_CERTIFICATE), "Response")
        self.refused("InvalidIdentityToken", 400, twice)

    def test_document_type_or_garbage_or_loose_base64(self):
        self.refused("InvalidIdentityToken", 400, "<!DOCTYPE a>" + sign(response()))
        self.refused("InvalidIdentityToken", 400, "not XML")
        folded = encode(sign(response()))
        self.refused("InvalidIdentityToken", 400, SAMLAssertion=folded[:76] + "\r\n" + folded[76:])

    # -------------------------------------------------------------- content

    def test_identity_provider_that_says_no(self):
        self.refused("IDPRejectedClaim", 403, sign(response(status="Responder")))

    def test_other_issuer_or_audience(self):
        self.refused("InvalidIdentityToken", 400, sign(response(issuer="http://other.example.com")))
        self.refused("InvalidIdentityToken", 400, sign(response(audience="urn:example:other")))
        audiences = {"arn": PROVIDER, "metadata": metadata(CERTIFICATE), "audiences": ["urn:example:other"]}
        self.admin("PUT", "_providers", audiences)
        self.ask(sign(response(audience="urn:example:other")))

    def test_times(self):
        self.refused("ExpiredTokenException", 400, sign(response(issued=-301)))
        self.refused("InvalidIdentityToken", 400, sign(response(issued=60)))
        self.refused("ExpiredTokenException", 400, sign(response(not_on_or_after=-1)))
        self.refused("ExpiredTokenException", 400, sign(response(confirmed_until=-1)))
        self.refused("ExpiredTokenException", 400, sign(response(session_ends=-1)))
        self.refused("InvalidIdentityToken", 400, sign(response(not_before=60)))
        honest = sign(response())
        self.admin("PUT", "_clock", {"now": at(302)})
        self.refused("ExpiredTokenException", 400, honest)
        self.admin("PUT", "_clock", {})
        self.ask(honest)

    def test_session_name(self):
        for name in ("", "x", "paula huber", "p" * 65, "Paula\u00e9"):
            self.refused("InvalidIdentityToken", 400, sign(response(session_name=name)))
        self.refused("InvalidIdentityToken", 400, sign(response(more=attribute("RoleSessionName", "second"))))

    # -------------------------------------------------------------- trust

    def test_role_that_is_not_asserted_or_not_there(self):
        self.refused("AccessDenied", 403, RoleArn=OTHER_ROLE)
        absent = f"{ACCOUNT}:role/absent"
        self.refused("AccessDenied", 403, sign(response(roles=(f"{PROVIDER},{absent}",))), RoleArn=absent)
        mixed = (f"{ACCOUNT}:saml-provider/Other,{ROLE}", f"{PROVIDER},{OTHER_ROLE}")
        self.refused("AccessDenied", 403, sign(response(roles=mixed)))

    def test_unknown_provider(self):
        self.refused("InvalidIdentityToken", 400, PrincipalArn=f"{ACCOUNT}:saml-provider/absent")

    def test_trust_policy(self):
        for policy in (
            trust_policy(recipient="https://signin.aws.amazon.com/saml"),
            trust_policy(provider=f"{ACCOUNT}:saml-provider/Other"),
            trust_policy(provider="*"),
            trust_policy(actions=["sts:AssumeRole"]),
            {"Statement": [*trust_policy()["Statement"], trust_policy()["Statement"][0] | {"Effect": "Deny"}]},
        ):
            self.admin("PUT", "_roles", {"arn": ROLE, "trust_policy": policy})
            self.refused("AccessDenied", 403)

    def test_conditions_on_where_the_call_comes_from(self):
        here, other, endpoint = "127.0.0.1/32", "203.0.113.0/24", "vpce-0123456789abcdef0"
        for condition, by_address, by_endpoint in (
            ({"IpAddress": {"aws:SourceIp": here}}, True, False),
            ({"IpAddress": {"AWS:sourceip": [other, "127.0.0.0/8"]}}, True, False),
            ({"IpAddress": {"aws:SourceIp": [other, "::1/128"]}}, False, False),
            ({"IpAddress": {"aws:SourceIp": []}}, False, False),
            ({"IpAddressIfExists": {"aws:SourceIp": other}}, False, True),
            ({"NotIpAddress": {"aws:SourceIp": other}}, True, True),
            ({"NotIpAddress": {"aws:SourceIp": here}}, False, True),
            ({"StringEquals": {"aws:SourceVpce": endpoint}}, False, True),
            ({"StringEquals": {"aws:SourceVpce": "vpce-0"}}, False, False),
            ({"StringNotEquals": {"aws:SourceVpce": endpoint}}, True, False),
            ({"IpAddress": {"aws:SourceIp": here}, "StringEquals": {"aws:SourceVpce": endpoint}}, False, False),
        ):
            context = {"aws:SourceIp": "127.0.0.1"}, {"aws:SourceVpce": endpoint}
            found = [trust.holds(condition, each) for each in context]
            self.assertEqual(found, [by_address, by_endpoint], condition)
        six = {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}
        self.assertTrue(trust.holds(six, {"aws:SourceIp": "2001:db8:1::7"}))
        self.assertFalse(trust.holds(six, {"aws:SourceIp": "2001:db9::7"}))
        with self.assertRaises(Refused):
            trust.holds({"ForAllValues:IpAddress": {"aws:SourceIp": here}}, {})

    def test_source_is_the_callers_own_address_or_endpoint(self):
        def pinned(condition):
            policy = trust_policy()
            policy["Statement"][0]["Condition"] |= condition
            self.admin("PUT", "_roles", {"arn": ROLE, "trust_policy": policy})

        def ask(address, server=self.server, **headers):
            form = {"Action": "AssumeRoleWithSAML", "Version": "2011-06-15", "RoleArn": ROLE, "PrincipalArn": PROVIDER}
            port = server.server_address[1]
            connection = http.client.HTTPConnection("127.0.0.1", port, source_address=(address, 0))
            connection.request("POST", "/", urlencode(form | {"SAMLAssertion": encode(sign(response()))}), headers)
            with connection.getresponse() as answer:
                answer.read()
            connection.close()
            return answer.status

        self.assertEqual(ask("127.0.0.2"), 200)
        pinned({"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}})
        self.assertEqual((ask("127.0.0.1"), ask("127.0.0.2")), (200, 403))
        # What a caller writes about itself counts for nothing.
        self.assertEqual(ask("127.0.0.2", **{"X-Forwarded-For": "127.0.0.1"}), 403)
        self.assertEqual(ask("127.0.0.1", self.endpoint), 403)
        pinned({"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}})
        self.assertEqual((ask("127.0.0.1"), ask("127.0.0.2", self.endpoint)), (403, 200))
        claimed = {"SourceVpce": "vpce-0123456789abcdef0", "X-Test-Source-Vpce": "vpce-0123456789abcdef0"}
        self.assertEqual(ask("127.0.0.1", **claimed), 403)

    def test_tags_and_source_identity_need_permissions_of_their_own(self):
        xml = sign(response(more=attribute("PrincipalTag:Team", "red") + attribute("SourceIdentity", "paula")))
        self.refused("AccessDenied", 403, xml)
        actions = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]
        self.admin("PUT", "_roles", {"arn": ROLE, "trust_policy": trust_policy(actions=actions)})
        self.assertEqual(self.ask(xml)["SourceIdentity"], "paula")

    # -------------------------------------------------------------- parameters

    def test_duration(self):
        for seconds in (899, 43_201):
            self.refused("ValidationError", 400, DurationSeconds=seconds)
        self.assertIn("MaxSessionDuration", self.refused("ValidationError", 400, DurationSeconds=7201))

        def lasts(answer):
            return (answer["Credentials"]["Expiration"] - datetime.now(timezone.utc)).total_seconds()

        self.assertAlmostEqual(lasts(self.ask()), 3600, delta=5)
        self.assertAlmostEqual(lasts(self.ask(DurationSeconds=7200)), 7200, delta=5)
        self.assertAlmostEqual(lasts(self.ask(sign(response(session_ends=600)))), 600, delta=5)

    def test_policy(self):
        fine = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}

        def policy(**statement):
            return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

        self.assertIn("PackedPolicySize", self.ask(Policy=policy(**fine)))
        self.refused("MalformedPolicyDocument", 400, Policy="{")
        self.refused("MalformedPolicyDocument", 400, Policy=policy(Effect="Allow", Action="s3:GetObject"))
        self.refused("MalformedPolicyDocument", 400, Policy=policy(**fine, Principal="*"))
        self.refused("ValidationError", 400, Policy=policy(**fine, Sid="s" * 2_048))
        incompressible = base64.b64encode(os.urandom(1_350)).decode()
        self.refused("PackedPolicyTooLarge", 400, Policy=policy(**fine, Sid=incompressible))

    def test_policy_arns(self):
        arns = [{"arn": f"arn:aws:iam::aws:policy/P{number}"} for number in range(11)]
        self.ask(PolicyArns=arns[:10])
        self.refused("ValidationError", 400, PolicyArns=arns)
        self.refused("ValidationError", 400, PolicyArns=[{"arn": "arn:aws:iam::aws:role/NotAPolicy"}])

    def test_assertion_too_long(self):
        self.refused("ValidationError", 400, SAMLAssertion="A" * 100_001)

    def test_signed_call(self):
        parameters = {"Action": "AssumeRoleWithSAML", "Version": "2011-06-15", "RoleArn": ROLE}
        parameters |= {"SAMLAssertion": encode(sign(response())), "PrincipalArn": PROVIDER}
        request = urllib.request.Request(self.url, urlencode(parameters).encode())
        urllib.request.urlopen(request).close()
        request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261123/eu-central-1/sts/aws4_request")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.exception as answer:
            self.assertIn(b"<Code>InvalidClientTokenId</Code>", answer.read())

    # -------------------------------------------------------------- faults and IAM

    def test_faults(self):
        self.admin(
            "PUT",
            "_faults",
            [
                {"times": 1, "code": "Throttling", "message": "Rate exceeded"},
                {"times": 1, "status": 500},
                {"times": 1, "code": "RegionDisabledException"},
                {"times": 1, "drop": "before"},
                {"times": 1, "drop": "after"},
                {"times": 1, "delay": 3},
            ],
        )
        self.refused("Throttling", 400)
        self.refused("InternalFailure", 500)
        self.refused("RegionDisabledException", 403)
        for _ in range(2):
            with self.assertRaises(ConnectionClosedError):
                self.ask()
        with self.assertRaises(ReadTimeoutError):
            self.ask()
        self.ask()
        results = [call["result"] for call in self.admin("GET", "_calls")]
        self.assertEqual(results[3:5], ["Dropped", "OK"])

    def test_callers_may_do_what_their_policy_says(self):
        hub = f"{ACCOUNT}:role/Vestibule"
        actions = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
        statement = {"Effect": "Allow", "Principal": {"AWS": hub}, "Action": actions}
        self.admin("PUT", "_roles", {"arn": ROLE, "trust_policy": {"Statement": [statement]}})
        session = "arn:aws:sts::123456789012:assumed-role/Vestibule/i-0"
        caller = {"access_key_id": "ASIAHUB", "secret": "secret", "token": "token", "arn": session}
        client, iam = self.aws("sts", ("ASIAHUB", "secret", "token")), self.aws("iam")

        def outcomes(policy):
            self.admin("PUT", "_callers", caller | {"policy": policy})
            asked = {"PolicySourceArn": hub, "ActionNames": actions, "ResourceArns": [ROLE]}
            results = iam.simulate_principal_policy(**asked)["EvaluationResults"]
            simulated = [each["EvalDecision"] == "allowed" for each in results]
            try:
                tags = [{"Key": "mail", "Value": "paula"}]
                client.assume_role(RoleArn=ROLE, RoleSessionName="paula", SourceIdentity="paula", Tags=tags)
                return simulated, True
            except ClientError as refused:
                return simulated, refused.response["Error"]["Code"]

        def policy(*statements):
            return {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"} | each for each in statements]}

        allowed, denied = ([True] * 3, True), ([False] * 3, "AccessDenied")
        self.assertEqual(outcomes(None), allowed)
        self.assertEqual(outcomes(policy({"Resource": f"{ACCOUNT}:role/federated/ADFS-*"})), allowed)
        self.assertEqual(outcomes(policy({"Resource": [OTHER_ROLE]})), denied)
        self.assertEqual(outcomes(policy({}, {"Effect": "Deny"})), denied)
        self.assertEqual(outcomes(policy({"Action": actions[:2]})), ([True, True, False], "AccessDenied"))
        self.assertEqual(outcomes(policy({"Action": actions[:1]})), ([True, False, False], "AccessDenied"))
        conditional = policy({"Condition": {"StringEquals": {"sts:RoleSessionName": "paula"}}})
        self.assertEqual(outcomes(conditional), ([False] * 3, True), "a simulation has no such value")
        asked = {"PolicySourceArn": hub, "ActionNames": actions[:1], "ResourceArns": [ROLE]}
        [result] = iam.simulate_principal_policy(**asked)["EvaluationResults"]
        self.assertEqual(result["MissingContextValues"], ["sts:RoleSessionName"])
        self.admin("PUT", "_callers", caller | {"policy": policy({"NotAction": "s3:*"})})
        with self.assertRaises(ClientError):
            iam.simulate_principal_policy(PolicySourceArn=hub, ActionNames=actions, ResourceArns=[ROLE])

    def test_iam_tells_how_it_is_set_up(self):
        iam = self.aws("iam")
        role = iam.get_role(RoleName="ADFS-Dev")["Role"]
        self.assertEqual((role["Arn"], role["Path"], role["MaxSessionDuration"]), (ROLE, "/federated/", 7200))
        self.assertEqual(role["AssumeRolePolicyDocument"], trust_policy())
        provider = iam.get_saml_provider(SAMLProviderArn=PROVIDER)
        self.assertEqual(provider["SAMLMetadataDocument"], metadata(CERTIFICATE))
        with self.assertRaises(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName="absent")


if __name__ == "__main__":
    unittest.main()
