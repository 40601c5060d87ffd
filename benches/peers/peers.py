"""The peers that are Python: python3-saml, and xmlsec1 through its binding.

    python peers.py NAME DIRECTORY    one line for each document: its file, nanoseconds

Checks first that the honest document is accepted and the changed one refused.
"""

import base64
import json
import sys
import time
from pathlib import Path

import xmlsec
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

# As in peers.rs.
MEASURED = 2_000_000_000
BATCH = 5_000_000

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DSIG = "{http://www.w3.org/2000/09/xmldsig#}"


def python3_saml(site):
    """Strict, which it is by default: the schema, conditions and addresses too."""
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {"entityId": site["audience"], "assertionConsumerService": {"url": site["acs"]}},
            "idp": {
                "entityId": site["issuer"],
                "singleSignOnService": {"url": "https://adfs.example.com/adfs/ls/"},
                "x509cert": site["certificate"],
            },
            "security": {"wantAssertionsSigned": True},
        }
    )
    host, path = site["acs"].removeprefix("https://").split("/", 1)
    request = {"https": "on", "http_host": host, "script_name": f"/{path}"}

    def validate(field):
        response = OneLogin_Saml2_Response(settings, field)
        response.is_valid(request, raise_exceptions=True)
        response.get_attributes()
        return response.get_nameid()

    return validate


def xmlsec1(site):
    """The signature alone, of the assertion that it is in; no rule of SAML."""
    pem = f"-----BEGIN CERTIFICATE-----\n{site['certificate']}\n-----END CERTIFICATE-----\n"
    key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)

    def validate(field):
        response = etree.fromstring(base64.b64decode(field))
        assertion = response.find(f"{SAML}Assertion")
        signature = assertion.find(f"{DSIG}Signature")
        reference = signature.find(f"{DSIG}SignedInfo/{DSIG}Reference")
        if reference.get("URI") != f"#{assertion.get('ID')}":
            raise ValueError("the signature is of something else")
        context = xmlsec.SignatureContext()
        context.key = key
        context.register_id(assertion, "ID")
        context.verify(signature)
        return assertion.findtext(f"{SAML}Subject/{SAML}NameID")

    return validate


def best(routine):
    """The best batch's nanoseconds for one."""
    best, times = float("inf"), 1
    began = time.perf_counter_ns()
    while time.perf_counter_ns() - began < MEASURED:
        start = time.perf_counter_ns()
        for _ in range(times):
            routine()
        elapsed = time.perf_counter_ns() - start
        best = min(best, elapsed / times)
        if elapsed < BATCH:
            times *= 2
    return best


def main(name, directory):
    directory = Path(directory)
    site = json.loads((directory / "settings.json").read_text())
    validate = {"python3-saml": python3_saml, "xmlsec1": xmlsec1}[name](site)
    for document in sorted(directory.glob("*.honest"), key=lambda path: int(path.stem)):
        honest, changed = document.read_text(), document.with_suffix(".changed").read_text()
        assert validate(honest) == site["person"], document.stem
        try:
            validate(changed)
        except Exception as refusal:
            print(f"{document.stem} KB, changed: {refusal}", file=sys.stderr)
        else:
            sys.exit(f"{document.stem} KB, changed: accepted")
        print(document.stem, round(best(lambda: validate(honest))))


main(*sys.argv[1:])
