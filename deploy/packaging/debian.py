"""The Debian package, by dpkg-deb alone.

debhelper and cargo-deb would each be one more tool to pin for what is a tree of files,
one control file and three short scripts.
"""

import gzip
import os
import pathlib
import shutil
import tempfile
import time

from . import ROOT, binaries, run, tree

HERE = ROOT / "deploy/packaging/debian"
# Debian's own variables (debchange(1)) name who answers for a package.
MAINTAINER = "{} <{}>".format(
    os.environ.get("DEBFULLNAME", "The Vestibule developers"),
    os.environ.get("DEBEMAIL", "noreply@vestibule-federation.invalid"),
)
# Not in the package: what it installs elsewhere, and the demonstration, which has an
# identity provider in it and no business on a server.
ELSEWHERE = ["vestibule", "vestibule-demo", "sbom/vestibule-demo.cdx.json", "LICENSE-APACHE"]


def package(top, stage, arch, manifest, now):
    """Makes the package of the tree that the tarball has."""
    name, version = binaries.ARCHITECTURES[arch][0], manifest["version"]
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch) / "root"
        documents = root / "usr/share/doc/vestibule"
        shutil.copytree(top, documents, ignore=lambda where, _: ELSEWHERE if pathlib.Path(where) == top else [])
        (documents / "sbom/vestibule-demo.cdx.json").unlink()
        (root / "usr/bin").mkdir(parents=True)
        shutil.copy(top / "vestibule", root / "usr/bin/vestibule")
        (root / "usr/lib/systemd/system").mkdir(parents=True)
        unit = (top / "deploy/systemd/vestibule.service").read_text()
        assert "/usr/local/bin/vestibule" in unit
        unit = unit.replace("/usr/local/bin/vestibule", "/usr/bin/vestibule")
        (root / "usr/lib/systemd/system/vestibule.service").write_text(unit)
        # Empty: there is no configuration that would fit before `vestibule init` made it.
        (root / "etc/vestibule").mkdir(parents=True)
        copyright_file(documents / "copyright")
        changelog = f"vestibule ({version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n"
        day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(now))
        changelog += f" -- {MAINTAINER}  {day}\n"
        (documents / "changelog.gz").write_bytes(gzip.compress(changelog.encode(), mtime=0))
        control(root, name, manifest)
        tree.settle(root, now)
        deb = stage / f"vestibule_{version}_{name}.deb"
        # One thread: how many there are would show in the compressed stream.
        pack = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", root, deb]
        run(*pack, env={**os.environ, "SOURCE_DATE_EPOCH": str(now)})


def control(root, architecture, manifest):
    control = root / "DEBIAN"
    control.mkdir()
    binary = root / "usr/bin/vestibule"
    floor = ".".join(map(str, max(binaries.glibc_versions(binary))))
    depends = ["adduser", "ca-certificates", f"libc6 (>= {floor})"]
    if "libgcc_s.so.1" in binaries.needed(binary):
        depends.append("libgcc-s1")
    files = sorted(p for p in root.rglob("*") if p.is_file())
    fields = {
        "Package": "vestibule",
        "Version": manifest["version"],
        "Section": "net",
        "Priority": "optional",
        "Architecture": architecture,
        "Depends": ", ".join(depends),
        "Installed-Size": str(sum((p.stat().st_size + 1023) // 1024 for p in files)),
        "Maintainer": MAINTAINER,
        "Homepage": manifest["repository"],
        "Description": "SAML sign-in to short-lived AWS credentials, handed over exactly once\n"
        " Takes the SAML responses of an identity provider such as AD FS, chooses one of\n"
        " the roles that they offer, and hands short-lived AWS credentials to the browser\n"
        " that began, once. This package has no demonstration identity provider in it.",
    }
    (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / script, control / script)
        (control / script).chmod(0o755)
    sums = [f"{run('md5sum', p).split()[0]}  {p.relative_to(root)}\n" for p in files]
    (control / "md5sums").write_text("".join(sums))


def copyright_file(path):
    mit = "\n".join(f" {line}" if line.strip() else " ." for line in (ROOT / "LICENSE-MIT").read_text().splitlines())
    path.write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: vestibule\n"
        "Comment: What is linked in has its licences in THIRD-PARTY-LICENCES, beside this file.\n\n"
        "Files: *\nCopyright: the Vestibule developers\nLicense: MIT or Apache-2.0\n\n"
        f"License: MIT\n{mit}\n\n"
        "License: Apache-2.0\n On Debian systems its text is in /usr/share/common-licenses/Apache-2.0.\n"
    )
