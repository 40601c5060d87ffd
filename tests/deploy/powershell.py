#!/usr/bin/env python3
"""AD FS's script, and the guide's PowerShell: does their grammar hold?

Nothing here runs PowerShell. tree-sitter's grammar reads it, which is what an AD FS
server would do first. Prints what is wrong; exit code 1.
"""

import pathlib
import re
import sys

import tree_sitter_powershell
from tree_sitter import Language, Parser

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARSER = Parser(Language(tree_sitter_powershell.language()))


def faults(name, text):
    wrong, nodes = [], [PARSER.parse(text.encode()).root_node]
    while nodes:
        node = nodes.pop()
        if node.type == "ERROR" or node.is_missing:
            wrong.append(f"{name}:{node.start_point[0] + 1}: {node.text.decode()[:60]!r}")
        nodes += node.children
    return wrong


def main():
    script = (ROOT / "src/cli/init/adfs.ps1").read_text()
    blocks = re.findall(r"```powershell\n(.*?)```", (ROOT / "docs/ADFS.md").read_text(), re.S)
    assert len(blocks) >= 3, "are they still found?"
    # The check can fail.
    assert faults("", script.replace("\n}\n", "\n", 1)) and faults("", script.replace(" @settings", " @("))
    wrong = faults("adfs.ps1", script)
    for number, block in enumerate(blocks):
        wrong += faults(f"docs/ADFS.md, block {number + 1}", block)
    print("\n".join(wrong) or f"adfs.ps1 and {len(blocks)} blocks: PowerShell, as far as its grammar goes")
    sys.exit(bool(wrong))


main()
