"""Canonicalizes with libxml2: cases in on stdin, canonical forms out, both JSON."""

import json
import sys

try:
    from lxml import etree
except ImportError:
    sys.exit("lxml is missing: run the tests with `tests/run`, which installs it")


def canonical(case):
    root = etree.fromstring(case["xml"].encode())
    apex = [node for node in root.iter() if isinstance(node.tag, str)][case["apex"]]
    if case["prefixes"]:
        # Before canonicalizing, lxml copies an inner element without the
        # namespaces that it inherits and does not use, though a PrefixList may
        # name them. Written out and read again, it declares them itself.
        apex = etree.fromstring(etree.tostring(apex, encoding="utf-8", with_tail=False))
    return etree.tostring(
        apex,
        method="c14n",
        exclusive=True,
        with_comments=False,
        inclusive_ns_prefixes=case["prefixes"],
    ).decode()


json.dump([canonical(case) for case in json.load(sys.stdin)], sys.stdout)
