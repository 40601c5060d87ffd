"""What is in a release beside the binaries, and how it is packed."""

import gzip
import hashlib
import io
import os
import pathlib
import re
import sys
import tarfile

from . import ROOT, binaries, run, sbom

# Files of the repository, by their paths there, so that links and scripts find them.
CONTENT = [
    "README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT",
    "docs", "config/vestibule.toml", "config/contractor.json", "config/examples",
    "deploy/alerts.yml", "deploy/ecs", "deploy/iam", "deploy/sam", "deploy/systemd",
    # What deploy/sam/package and the bucket of the page want.
    "src/http/openapi.json", "static",
]  # fmt: skip
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
LICENCE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.I)


def fill(top, package):
    """Copies CONTENT: what git knows of it, so nothing that merely lies there."""
    for line in run("git", "ls-files", "--stage", "--", *CONTENT).splitlines():
        mode, path = line.split()[0], line.split("\t")[1]
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / path).read_bytes())
        target.chmod(0o755 if mode == "100755" else 0o644)
    for document in sorted(top.rglob("*.md")):
        document.write_text(relinked(document, top, package))


def relinked(document, top, package):
    """Links to what only the repository has lead there."""

    def target(match):
        link, _, anchor = match[2].partition("#")
        if not link or "://" in link or link.startswith("mailto:"):
            return match[0]
        path = os.path.normpath(document.parent.relative_to(top) / link)
        if (top / path).exists() or not (ROOT / path).exists():
            return match[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        there = f"{package['repository']}/{kind}/v{package['version']}/{path}"
        return match[1] + there + (f"#{anchor}" if anchor else "") + match[3]

    return LINK.sub(target, document.read_text())


def third_party(path, arch):
    """The licences of all that is linked into either binary, each text once."""
    texts, crates = {}, []
    for crate in sbom.linked(arch, True):
        if not crate["source"]:
            continue
        root = pathlib.Path(crate["manifest_path"]).parent
        found = [p for p in sorted(root.iterdir()) if LICENCE.match(p.name) and p.is_file()]
        found += sorted([*root.glob("aws-lc/LICENSE"), *root.glob("c_src/mimalloc/v3/LICENSE")])
        numbers = [str(texts.setdefault(p.read_text(errors="replace").strip(), len(texts) + 1)) for p in found]
        named = f"texts {', '.join(numbers)}" if numbers else "no text in its package"
        crates.append(f"{crate['name']}-{crate['version']} ({named}): {sbom.licence(crate)}")
    lines = ["What is linked into vestibule and vestibule-demo, its licences, and their texts below.", ""]
    lines += crates + [
        "The Rust standard library: MIT OR Apache-2.0",
        "LLVM's libunwind and compiler-rt, linked by zig: Apache-2.0 WITH LLVM-exception",
        "SQLite (in libsqlite3-sys): public domain",
    ]
    for text, number in texts.items():
        lines += ["", "=" * 78, f"Text {number}", "=" * 78, "", text]
    path.write_text("\n".join(lines) + "\n")


def settle(top, now):
    """One mode for each kind of file, one time for all."""
    for path in [top, *top.rglob("*")]:
        if path.is_symlink():
            sys.exit(f"{path.name} is a symbolic link")
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (now, now))


def refuse_paths(top, paths, binaries_too):
    skipped = set() if binaries_too else set(binaries.KINDS)
    for path in sorted(p for p in top.rglob("*") if p.is_file() and p.name not in skipped):
        content = path.read_bytes()
        if found := [each for each in paths if each.encode() in content]:
            sys.exit(f"{path.relative_to(top)} has a path of this machine in it: {found[0]}")


def tarball(top, target):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in [top, *sorted(top.rglob("*"))]:
            entry = archive.gettarinfo(path, arcname=str(path.relative_to(top.parent)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            with open(path, "rb") if path.is_file() else io.BytesIO() as content:
                archive.addfile(entry, content)
    # As `gzip -n`: neither a name nor a time.
    target.write_bytes(gzip.compress(tar.getvalue(), 6, mtime=0))


def checksums(stage):
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(stage.iterdir())]
    (stage / "SHA256SUMS").write_text("".join(lines))
