#!/usr/bin/env python3
"""deploy/sam/template.yaml as CloudFormation gets it, linted.

CloudFormation includes api.json, then SAM's own translator (what `sam validate`
runs too) makes plain resources of it. cfn-lint alone sees neither. Prints what is
wrong; exit code 1.
"""

import collections
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

from prepared import prepared
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
PARAMETERS = {"ProviderArn": "arn:aws:iam::123456789012:saml-provider/ADFS"}


class NoPolicies:
    """The template names none of AWS's managed policies."""

    def load(self):
        return {}


def template(directory):
    """With api.json included, and the code uploaded, as `sam deploy` does it."""
    package = [ROOT / "deploy/sam/package", "/bin/true", prepared(directory), directory]
    subprocess.run(package, check=True, stdout=subprocess.DEVNULL)
    document = yaml_parse((ROOT / "deploy/sam/template.yaml").read_text())
    api = document["Resources"]["Api"]["Properties"]
    included = api["DefinitionBody"]["Fn::Transform"]
    assert included == {"Name": "AWS::Include", "Parameters": {"Location": "build/api.json"}}, included
    api["DefinitionBody"] = json.loads((pathlib.Path(directory) / "api.json").read_text())
    document["Globals"]["Function"]["CodeUri"] = "s3://bucket/function.zip"
    return document


def transformed(document):
    values = {name: p["Default"] for name, p in document["Parameters"].items() if "Default" in p}
    return transform(document, values | PARAMETERS, NoPolicies())


def made_faults(before, after):
    """SAM makes what it is meant to make: no role, policy or permission of its own but the schedule's."""
    kinds = lambda document: collections.Counter(r["Type"] for r in document["Resources"].values())
    made = dict(kinds(after) - kinds(before))
    wanted = {
        "AWS::Lambda::Function": 3,
        "AWS::ApiGateway::RestApi": 1,
        "AWS::ApiGateway::Deployment": 1,
        "AWS::ApiGateway::Stage": 1,
        "AWS::Events::Rule": 1,
        "AWS::Lambda::Permission": 1,
    }
    faults = [] if made == wanted else [f"SAM makes {made}, not {wanted}"]
    for name, resource in after["Resources"].items():
        if resource["Type"] == "AWS::Events::Rule":
            p = resource["Properties"]
            if (p["ScheduleExpression"], p["Targets"][0]["Arn"]) != (
                "rate(1 minute)",
                {"Fn::GetAtt": ["SweeperFunction", "Arn"]},
            ):
                faults.append(f"{name} is not the sweeper's")
    return faults


def lint_faults(document, directory):
    path = pathlib.Path(directory) / "transformed.json"
    path.write_text(json.dumps(document, indent=1))
    lint = [pathlib.Path(sys.executable).parent / "cfn-lint", "--regions", REGION, "--template", path]
    linted = subprocess.run(lint, capture_output=True, text=True)
    return [linted.stdout + linted.stderr] if linted.returncode else []


def all_faults(change=lambda document: None):
    with tempfile.TemporaryDirectory() as directory:
        before = template(directory)
        change(before)
        try:
            after = transformed(json.loads(json.dumps(before)))
        except InvalidDocumentException as refused:
            return [each.message for each in refused.causes]
        return made_faults(before, after) + lint_faults(after, directory)


def self_test():
    """The checks can fail: in the translator, in what it makes, in the linter."""

    def no_version(document):
        document["Resources"]["Api"]["Properties"]["OpenApiVersion"] = 9

    def own_role(document):
        del document["Resources"]["SweeperFunction"]["Properties"]["Role"]

    def no_such_mode(document):
        document["Resources"]["SessionsTable"]["Properties"]["BillingMode"] = "FREE"

    for change, said in ((no_version, "OpenApiVersion"), (own_role, "SAM makes"), (no_such_mode, "'FREE' is not one of")):
        faults = all_faults(change)
        assert any(said in fault for fault in faults), (change.__name__, faults)


def main():
    # The translator looks for a region; nothing is asked of AWS.
    os.environ["AWS_DEFAULT_REGION"] = REGION
    logging.disable()
    faults = all_faults()
    if not faults:
        self_test()
    print("\n".join(faults) or "deploy/sam: SAM makes of it what it should, and that is sound")
    sys.exit(bool(faults))


main()
