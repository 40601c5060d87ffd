"""Asks each peer in turn, several rounds, and prints what each took at best.

    python compare.py [rounds]
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent.parent / "target"
DOCUMENTS = TARGET / "peers" / "documents"
RUST = [str(TARGET / "release" / "examples" / "peers")]
PYTHON = [sys.executable, str(HERE / "peers.py")]
NODE = ["node", str(HERE / "peers.mjs")]

# In the order of the table.
PEERS = {
    "floor": RUST,
    "ours": RUST,
    "bergshamra": RUST,
    "xmlsec1": PYTHON,
    "samael": RUST,
    "python3-saml": PYTHON,
    "node-saml": NODE,
    "samlify": NODE,
}


def measured(peer):
    """Nanoseconds by document. Ends the program where a peer judges wrongly."""
    answer = subprocess.run([*PEERS[peer], peer, str(DOCUMENTS)], capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"{peer}: {answer.stderr}{answer.stdout}")
    return {size: int(time) for size, time in (line.split() for line in answer.stdout.splitlines())}


def main(rounds=3):
    shutil.rmtree(DOCUMENTS, ignore_errors=True)
    DOCUMENTS.mkdir()
    subprocess.run([*RUST, "documents", str(DOCUMENTS)], check=True)

    times = {peer: [] for peer in PEERS}
    for number in range(1, rounds + 1):
        for peer in PEERS:
            print(f"round {number} of {rounds}: {peer}", file=sys.stderr)
            times[peer].append(measured(peer))

    sizes = list(times["ours"][0])
    best = {(peer, size): min(found[size] for found in times[peer]) for peer in PEERS for size in sizes}
    print("| |" + "".join(f" {size} KB | × ours |" for size in sizes))
    print("|---|" + "---:|---:|" * len(sizes))
    for peer in PEERS:
        cells = (
            f" {best[peer, size] / 1000:,.1f} µs | {best[peer, size] / best['ours', size]:.2f} |" for size in sizes
        )
        print(f"| {peer} |" + "".join(cells))

    # How much the machine was disturbed: another round's best beside the best.
    spread = {
        (peer, size): max(found[size] for found in times[peer]) / best[peer, size] for peer in PEERS for size in sizes
    }
    (peer, size), most = max(spread.items(), key=lambda item: item[1])
    print("\nAll but the floor accepted the document, and refused it with one character of the assertion changed.")
    print(f"The best of a round is at most {most:.2f} of the best of all rounds ({peer}, {size} KB).")


main(*map(int, sys.argv[1:]))
