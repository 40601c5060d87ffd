"""Reads a SAML response as strictly as STS is documented to.

Where the documentation leaves a choice, the stricter reading is taken: a test
bench that accepts too much proves nothing.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from errors import Refused
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.exceptions import SignXMLException

NS = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
SAML, SAMLP, DS = (f"{{{NS[prefix]}}}" for prefix in ("saml", "samlp", "ds"))
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
NAME_ID_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
# IAM guide, "Configure SAML assertions for the authentication response".
ATTRIBUTE = "https://aws.amazon.com/SAML/Attributes/"
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
# "Token must be redeemed within 5 minutes of issuance".
REDEEMED_WITHIN = timedelta(minutes=5)


def invalid(message):
    return Refused("InvalidIdentityToken", message)


@dataclass
class Provider:
    """A SAML identity provider as IAM keeps it: its own copy of the metadata."""

    arn: str
    metadata: str
    entity_id: str
    certificates: list
    audiences: list

    @staticmethod
    def register(arn, metadata, audiences):
        root = parse(metadata.encode())
        descriptor = root.find("md:IDPSSODescriptor", NS)
        if descriptor is None:
            raise Refused("ValidationError", "Could not parse metadata")
        certificates = [
            x509.load_der_x509_certificate(base64.b64decode(certificate.text))
            for key in descriptor.findall("md:KeyDescriptor", NS)
            # Without `use`, a key serves both (SAML metadata, 2.4.1.1).
            if key.get("use", "signing") == "signing"
            for certificate in key.iterfind(".//ds:X509Certificate", NS)
        ]
        return Provider(arn, metadata, root.get("entityID"), certificates, audiences)


@dataclass
class Identity:
    """What a verified response says."""

    issuer: str
    subject: str
    subject_type: str
    audience: str
    recipient: str
    session_name: str
    source_identity: str | None
    tags: dict
    pairs: set
    session_ends: datetime | None


def parse(data):
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise invalid("Invalid SAML response") from error
    if root.getroottree().docinfo.doctype:
        raise invalid("Invalid SAML response")
    return root


def read(field, provider, now):
    """The identity in the `SAMLAssertion` parameter, or a refusal."""
    try:
        root = parse(base64.b64decode(field, validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid base64 SAMLResponse") from error
    if root.tag != SAMLP + "Response":
        raise invalid("Invalid SAML response")
    status = root.find("samlp:Status/samlp:StatusCode", NS)
    if status is None or status.get("Value") != SUCCESS:
        raise Refused("IDPRejectedClaim", "The identity provider reported that authentication failed")
    return accept(verified_assertion(root, provider), provider, now)


def verified_assertion(root, provider):
    """The one Assertion, out of exactly the bytes that a registered certificate signed."""
    assertions = list(root.iter(SAML + "Assertion"))
    if len(assertions) != 1 or assertions[0].getparent() is not root:
        raise invalid("The response must contain one assertion")
    parents = [signature.getparent() for signature in root.iter(DS + "Signature")]
    if not parents or len(set(parents)) != len(parents) or not set(parents) <= {root, assertions[0]}:
        raise invalid("Response signature invalid")
    signed = [verify(root, parent, provider.certificates) for parent in parents]
    # Of two signatures, the inner is taken: its bytes are part of the outer's.
    innermost = signed[-1]
    return innermost if innermost.tag == SAML + "Assertion" else innermost.find("saml:Assertion", NS)


def verify(root, parent, certificates):
    """What the signature below `parent` covers, which must be `parent`."""
    location = "./" if parent is root else f"./{SAML}Assertion/"
    for certificate in certificates:
        config = SignatureConfiguration(
            location=location,
            # IAM does not act on the expiry of a provider's certificates.
            verification_time=certificate.not_valid_before_utc,
        )
        try:
            result = XMLVerifier().verify(
                root, x509_cert=certificate, expect_config=config, id_attribute="ID", validate_schema=False
            )
        except (SignXMLException, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, AttributeError):
            continue
        signed = result.signed_xml
        if signed is not None and signed.tag == parent.tag and signed.get("ID") == parent.get("ID"):
            return signed
    raise invalid("Response signature invalid")


def accept(assertion, provider, now):
    issuer = assertion.findtext("saml:Issuer", namespaces=NS)
    if issuer != provider.entity_id:
        raise invalid("Issuer not present in specified provider")
    issued = instant(assertion.get("IssueInstant"))
    if issued is None or issued > now:
        raise invalid("The assertion is not valid yet")
    if now - issued > REDEEMED_WITHIN:
        raise Refused("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
    conditions = assertion.find("saml:Conditions", NS)
    if conditions is None:
        raise invalid("Response does not contain the required audience")
    in_time(conditions, now)
    audiences = [audience.text for audience in conditions.iterfind("saml:AudienceRestriction/saml:Audience", NS)]
    audience = next((audience for audience in audiences if audience in provider.audiences), None)
    if audience is None:
        raise invalid("Response does not contain the required audience")
    name_id = assertion.find("saml:Subject/saml:NameID", NS)
    if name_id is None or not name_id.text:
        raise invalid("Subject NameID is required in AuthnResponse")
    attributes = Attributes(assertion)
    statement = assertion.find("saml:AuthnStatement", NS)
    session_ends = None if statement is None else instant(statement.get("SessionNotOnOrAfter"))
    if session_ends is not None and now >= session_ends:
        raise Refused("ExpiredTokenException", "The session at the identity provider has ended")
    return Identity(
        issuer=issuer,
        subject=name_id.text,
        subject_type=name_id.get("Format", "").removeprefix(NAME_ID_FORMAT),
        audience=audience,
        recipient=recipient(assertion, now),
        session_name=attributes.session_name(),
        source_identity=attributes.source_identity(),
        tags=attributes.tags(),
        pairs=attributes.pairs(),
        session_ends=session_ends,
    )


def recipient(assertion, now):
    """Of the bearer confirmation that holds now: what trust policies call `SAML:aud`."""
    for confirmation in assertion.iterfind("saml:Subject/saml:SubjectConfirmation", NS):
        data = confirmation.find("saml:SubjectConfirmationData", NS)
        if confirmation.get("Method") == BEARER and data is not None and data.get("Recipient"):
            if data.get("NotOnOrAfter") is None:
                raise invalid("SubjectConfirmationData must contain NotOnOrAfter")
            in_time(data, now)
            return data.get("Recipient")
    raise invalid("SubjectConfirmationData must contain Recipient")


def in_time(element, now):
    not_before, not_on_or_after = (instant(element.get(name)) for name in ("NotBefore", "NotOnOrAfter"))
    if not_before is not None and now < not_before:
        raise invalid("The assertion is not valid yet")
    if not_on_or_after is not None and now >= not_on_or_after:
        raise Refused("ExpiredTokenException", "The assertion has expired")


def instant(text):
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid("Invalid SAML response") from error
    # Without a zone, SAML means UTC (core, 1.3.3).
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


class Attributes:
    """Those that STS knows, by name without the prefix."""

    def __init__(self, assertion):
        self.values = {}
        for attribute in assertion.iterfind("saml:AttributeStatement/saml:Attribute", NS):
            name = attribute.get("Name", "")
            if name.startswith(ATTRIBUTE):
                values = [value.text or "" for value in attribute.iterfind("saml:AttributeValue", NS)]
                self.values.setdefault(name.removeprefix(ATTRIBUTE), []).extend(values)

    def session_name(self):
        names = self.values.get("RoleSessionName", [])
        if len(names) != 1:
            raise invalid("RoleSessionName is required in AuthnResponse")
        if not SESSION_NAME.fullmatch(names[0]):
            raise invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
        return names[0]

    def source_identity(self):
        names = self.values.get("SourceIdentity", [])
        if not names:
            return None
        if len(names) != 1 or not SESSION_NAME.fullmatch(names[0]) or names[0].startswith("aws:"):
            raise invalid('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
        return names[0]

    def tags(self):
        prefix = "PrincipalTag:"
        tags = {name.removeprefix(prefix): values for name, values in self.values.items() if name.startswith(prefix)}
        if len(tags) > 50 or any(len(values) != 1 for values in tags.values()):
            raise invalid("PrincipalTag attributes are invalid")
        return {name: values[0] for name, values in tags.items()}

    def pairs(self):
        """(role, provider) as asserted; either may come first."""
        pairs = set()
        for value in self.values.get("Role", []):
            parts = [part.strip() for part in value.split(",")]
            if len(parts) == 2:
                role, provider = sorted(parts, key=lambda arn: ":saml-provider/" in arn)
                pairs.add((role, provider))
        if not pairs:
            raise invalid("Role is required in AuthnResponse")
        return pairs
