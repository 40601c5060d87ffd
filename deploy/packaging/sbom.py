"""A bill of materials (CycloneDX 1.6) of what is linked into a binary.

cargo-cyclonedx would be a build of some hundred crates, and lists what Cargo.lock
has; what is linked, Cargo says itself.
"""

import functools
import json
import pathlib
import re
import time
import tomllib
import uuid

from . import ROOT, binaries, run


@functools.cache
def linked(arch, demo):
    """The packages of `cargo metadata` that end up in the binary, ours among them."""
    command = ["cargo", "tree", "--locked", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"]
    listed = run(*command, f"--target={binaries.triple(arch)}", *binaries.features(demo))
    names = {tuple(line.split()[:2]) for line in listed.splitlines()}
    packages = binaries.metadata(arch, demo)["packages"]
    found = [p for p in packages if (p["name"], f"v{p['version']}") in names]
    assert len(found) == len(names), "cargo tree and cargo metadata disagree"
    return sorted(found, key=lambda p: (p["name"], p["version"]))


def licence(crate):
    """`MIT/Apache-2.0` is what crates of old have for `OR`."""
    return (crate["license"] or "NOASSERTION").replace("/", " OR ")


def purl(crate):
    return f"pkg:cargo/{crate['name']}@{crate['version']}"


def component(crate, checksums):
    entry = {
        "type": "library",
        "bom-ref": purl(crate),
        "name": crate["name"],
        "version": crate["version"],
        "licenses": [{"expression": licence(crate)}],
        "purl": purl(crate),
    }
    if checksum := checksums.get((crate["name"], crate["version"])):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if inside := bundled(crate):
        entry["components"] = [inside]
    return entry


def bundled(crate):
    """C libraries whose sources are in a crate."""
    root = pathlib.Path(crate["manifest_path"]).parent
    known = {
        "aws-lc-sys": ("AWS-LC", "aws-lc/include/openssl/base.h", r'AWSLC_VERSION_NUMBER_STRING "([^"]+)"'),
        "libsqlite3-sys": ("SQLite", "sqlite3/sqlite3.h", r'SQLITE_VERSION\s+"([^"]+)"'),
        "libmimalloc-sys": (
            "mimalloc", "c_src/mimalloc/v3/include/mimalloc.h", r"MI_MALLOC_VERSION\s+(\d+)"
        ),
    }
    if crate["name"] not in known:
        return None
    name, header, pattern = known[crate["name"]]
    version = re.search(pattern, (root / header).read_text())[1]
    if version.isdigit():  # Major, and two digits each for minor and patch.
        version = f"{version[:-4]}.{int(version[-4:-2])}.{int(version[-2:])}"
    return {"type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version}


def bill(binary, arch, demo, package, now):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock}
    crates = linked(arch, demo)
    ours = next(crate for crate in crates if crate["name"] == package["name"])
    by_id = {crate["id"]: crate for crate in crates}
    nodes = {node["id"]: node for node in binaries.metadata(arch, demo)["resolve"]["nodes"]}

    def uses(crate):
        normal = [d["pkg"] for d in nodes[crate["id"]]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]
        return sorted({purl(by_id[each]) for each in normal if each in by_id})

    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "component": {
                "type": "application",
                "bom-ref": purl(ours),
                "name": binary,
                "version": package["version"],
                "licenses": [{"expression": package["license"]}],
            },
            "properties": [
                {"name": "vestibule:target", "value": binaries.triple(arch)},
                {"name": "vestibule:features", "value": "demo,shell" if demo else "shell"},
                {"name": "vestibule:rustc", "value": run("rustc", "--version")},
            ],
        },
        "components": [component(crate, checksums) for crate in crates if crate is not ours],
        "dependencies": [{"ref": purl(crate), "dependsOn": uses(crate)} for crate in crates],
    }
    name = json.dumps(document, sort_keys=True)
    return {**document, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"}


def write(document, path):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
