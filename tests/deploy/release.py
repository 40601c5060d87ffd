#!/usr/bin/env python3
"""What deploy/release makes of a binary that is built already, held against its promises.

    tests/deploy/release.py BINARY

BINARY has the demo in it. Packed twice, looked into, unpacked and started.
Prints what is wrong; exit code 1.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import unittest

from prepared import prepared

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARCH = os.uname().machine
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}[ARCH]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
NAME = f"vestibule-{VERSION}-{ARCH}-linux"
DEB = f"vestibule_{VERSION}_{DEBIAN}.deb"
# Of `systemd-analyze security`: less is better, 1.4 with that of Debian 12.
EXPOSURE = 1.5
UNIT = ROOT / "deploy/systemd/vestibule.service"
DEMO = b"/adfs/portal/submit.js"
BINARY = pathlib.Path(sys.argv.pop(1)).resolve()


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def release(output, *arguments, umask=-1):
    # A fast compression: what is in it is the same.
    environment = {**os.environ, "DPKG_DEB_COMPRESSOR_LEVEL": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"DEBFULLNAME": "A Maintainer", "DEBEMAIL": "maintainer@example.com"}
    command = [ROOT / "deploy/release", output, *arguments]
    return subprocess.Popen(
        command, env=environment, umask=umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def time_of_commit():
    return int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct", cwd=ROOT))


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.built = cls.scratch / "built"
        cls.built.mkdir()
        run("objcopy", "--strip-all", BINARY, cls.built / "vestibule-demo")
        # A second build would take minutes. What is looked for is this one text.
        without = (cls.built / "vestibule-demo").read_bytes().replace(DEMO, b"-" * len(DEMO))
        (cls.built / "vestibule").write_bytes(without)
        (cls.built / "vestibule").chmod(0o755)
        outputs = [cls.scratch / "one", cls.scratch / "deeper/two"]
        # Whoever packs it may have another umask.
        umasks = [0o022, 0o077]
        started = [release(o, f"--built={ARCH}={cls.built}", umask=u) for o, u in zip(outputs, umasks, strict=True)]
        for each in started:
            said, _ = each.communicate()
            assert each.returncode == 0, said
        cls.said = said
        cls.output, cls.again = outputs
        with tarfile.open(cls.output / f"{NAME}.tar.gz") as archive:
            cls.entries = archive.getmembers()
            archive.extractall(cls.scratch, filter="tar")
        cls.top = cls.scratch / NAME
        run("dpkg-deb", "-x", cls.output / DEB, cls.scratch / "root")
        run("dpkg-deb", "-e", cls.output / DEB, cls.scratch / "control")
        cls.root = cls.scratch / "root"

    def test_two_runs_make_the_same(self):
        names = {path.name for path in self.output.iterdir()}
        self.assertEqual(names, {f"{NAME}.tar.gz", f"{NAME}.cdx.json", DEB, "SHA256SUMS"})
        for name in names:
            digests = {hashlib.sha256((where / name).read_bytes()).hexdigest() for where in (self.output, self.again)}
            self.assertEqual(len(digests), 1, name)
            self.assertIn(name, self.said)

    def test_the_checksums_are_those_of_the_files(self):
        run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=self.output)
        self.assertEqual(len((self.output / "SHA256SUMS").read_text().splitlines()), 3)

    def test_the_tarball_has_what_an_operator_needs(self):
        names = [entry.name.removeprefix(NAME).lstrip("/") for entry in self.entries]
        self.assertEqual(names, sorted(names, key=lambda name: name.split("/")))
        for wanted in (
            "vestibule vestibule-demo README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENCES "
            "SECURITY.md docs/OPERATING.md docs/RELEASE.md docs/page.png config/vestibule.toml deploy/alerts.yml "
            "deploy/iam/server.json deploy/systemd/vestibule.service deploy/sam/package static/index.html "
            "sbom/vestibule.cdx.json sbom/vestibule-demo.cdx.json"
        ).split():
            self.assertIn(wanted, names)
        for unwanted in ("Cargo.toml", "deploy/release", "deploy/Dockerfile", "tests", "fixtures", "src/main.rs"):
            self.assertNotIn(unwanted, names)

    def test_modes_owners_and_times_are_not_those_of_who_packed_it(self):
        executable = {"vestibule", "vestibule-demo", "deploy/sam/package"}
        for entry in self.entries:
            name = entry.name.removeprefix(f"{NAME}/")
            mode = 0o755 if entry.isdir() or name in executable else 0o644
            self.assertEqual((entry.mode, name), (mode, name))
            self.assertEqual((entry.uid, entry.gid, entry.uname, entry.gname), (0, 0, "root", "root"))
            self.assertEqual(entry.mtime, time_of_commit())
            self.assertTrue(entry.isdir() or entry.isreg(), name)
        for line in run("dpkg-deb", "-c", self.output / DEB).splitlines():
            mode, owner, *_, name = line.split()
            wanted = "drwxr-xr-x" if name.endswith("/") else "-rwxr-xr-x"
            if not name.endswith(("/", "bin/vestibule", "sam/package")):
                wanted = "-rw-r--r--"
            self.assertEqual((mode, owner, name), (wanted, "root/root", name))

    def test_every_link_in_the_tarball_leads_somewhere(self):
        tag = f"/v{VERSION}/"
        links = 0
        for document in self.top.rglob("*.md"):
            prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.S)
            for link in re.findall(r"\]\(([^)\s]+)\)", prose):
                path = link.partition("#")[0]
                links += 1
                if "github.com/vestibule-federation/" in link:
                    self.assertIn(tag, link)
                    self.assertTrue((ROOT / path.partition(tag)[2]).exists(), link)
                elif path and "://" not in path:
                    self.assertTrue((document.parent / path).exists(), f"{document.name}: {link}")
        self.assertGreater(links, 50)

    def test_no_text_names_the_machine(self):
        paths = {str(ROOT), str(pathlib.Path.home() / ".cargo"), str(self.scratch)}
        for tree in (self.top, self.root, self.scratch / "control"):
            for path in tree.rglob("*"):
                if path.is_file() and not path.name.startswith("vestibule") or path.suffix in (".json", ".service"):
                    for each in paths:
                        self.assertNotIn(each.encode(), path.read_bytes(), path.name)

    def test_the_binaries_start_and_lambdas_package_is_made_of_them(self):
        for binary in (self.top / "vestibule", self.top / "vestibule-demo", self.root / "usr/bin/vestibule"):
            self.assertEqual(run(binary, "--version"), f"vestibule {VERSION}\n")
        run(self.top / "deploy/sam/package", self.top / "vestibule", prepared(self.scratch), self.scratch / "sam")
        self.assertTrue((self.scratch / "sam/api.json").is_file())

    def test_the_debian_package_asks_for_what_it_needs(self):
        fields = dict(
            line.split(": ", 1) for line in run("dpkg-deb", "-f", self.output / DEB).splitlines() if line[0] != " "
        )
        self.assertEqual((fields["Package"], fields["Version"]), ("vestibule", VERSION))
        self.assertEqual(fields["Architecture"], DEBIAN)
        self.assertEqual(fields["Maintainer"], "A Maintainer <maintainer@example.com>")
        depends = fields["Depends"].split(", ")
        self.assertTrue({"adduser", "ca-certificates"} <= set(depends))
        versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run("objdump", "-T", self.root / "usr/bin/vestibule"))
        newest = max((int(major), int(minor)) for major, minor in versions)
        self.assertIn(f"libc6 (>= {newest[0]}.{newest[1]})", depends)
        for script in ("postinst", "prerm", "postrm"):
            path = self.scratch / "control" / script
            run("sh", "-n", path)
            self.assertTrue(path.stat().st_mode & 0o111)
        run("md5sum", "--check", "--strict", "--quiet", self.scratch / "control/md5sums", cwd=self.root)

    def test_the_debian_package_has_a_unit_and_no_configuration(self):
        unit = (self.root / "usr/lib/systemd/system/vestibule.service").read_text()
        # Nothing that a small Debian lacks, as it lacks /bin/kill.
        self.assertEqual(set(re.findall(r"^Exec\w+=(\S+)", unit, re.M)), {"/usr/bin/vestibule", "/bin/sh"})
        self.assertIn("ExecStart=/usr/bin/vestibule serve --config /etc/vestibule/vestibule.toml", unit)
        self.assertIn("ConditionPathExists=/etc/vestibule/vestibule.toml", unit)
        self.assertNotIn("/usr/local", unit)
        self.assertEqual(list((self.root / "etc/vestibule").iterdir()), [])
        # An identity provider has no business on a server.
        self.assertEqual([p.name for p in self.root.rglob("*demo*")], [])
        self.assertIn("License: MIT", (self.root / "usr/share/doc/vestibule/copyright").read_text())

    def test_the_bill_of_materials_has_what_is_linked(self):
        lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
        locked = {f"{p['name']}-{p['version']}": p.get("checksum") for p in lock}
        # Panics name their source: crates of which that is left are linked, whatever Cargo says.
        text = (self.built / "vestibule-demo").read_bytes()
        linked = {c.decode() for c in re.findall(rb"(?:registry/src/[^/]+|/crates)/([^/]+-\d[^/]*)/src/[a-z0-9_/]+\.rs", text)}
        self.assertGreater(len(linked), 30)
        bills = [json.loads((self.top / f"sbom/{n}.cdx.json").read_text()) for n in ("vestibule", "vestibule-demo")]
        for bill in bills:
            self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.6"))
            components = {f"{c['name']}-{c['version']}": c for c in bill["components"]}
            self.assertEqual(set(components) - set(locked), set())
            for name, component in components.items():
                # Our own crates come from here, and no registry has a checksum of them.
                ours = name.startswith("vestibule-")
                self.assertEqual([h["content"] for h in component.get("hashes", [])], [] if ours else [locked[name]], name)
                self.assertNotIn("NOASSERTION", component["licenses"][0]["expression"], name)
            refs = {c["bom-ref"] for c in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
            self.assertEqual({d["ref"] for d in bill["dependencies"]}, refs)
            self.assertTrue(all(set(d["dependsOn"]) <= refs for d in bill["dependencies"]))
            self.assertTrue(any(name.startswith("aws-sdk-sts-") for name in components))
            self.assertFalse(any(name.startswith(("criterion-", "proptest-", "syn-")) for name in components))
        named = [{f"{c['name']}-{c['version']}" for c in bill["components"]} for bill in bills]
        self.assertEqual(linked - named[1], set())
        licences = (self.top / "THIRD-PARTY-LICENCES").read_text()
        for name in named[1]:
            # Ours have the licences beside the binary.
            if not name.startswith("vestibule-"):
                self.assertIn(f"\n{name} (", licences)

    def refused(self, *arguments, output=None):
        output = output or self.scratch / "refused"
        made = release(output, *arguments)
        said, _ = made.communicate()
        self.assertNotEqual(made.returncode, 0)
        self.assertNotIn("Traceback", said)
        return said

    def test_what_cannot_be_packed_leaves_nothing(self):
        mixed = self.scratch / "mixed"
        mixed.mkdir()
        for name in ("vestibule", "vestibule-demo"):
            shutil.copy(self.built / "vestibule-demo", mixed / name)
        self.assertIn("demo's identity provider", self.refused(f"--built={ARCH}={mixed}"))
        shutil.copy(self.built / "vestibule", mixed / "vestibule-demo")
        shutil.copy(self.built / "vestibule", mixed / "vestibule")
        self.assertIn("no identity provider", self.refused(f"--built={ARCH}={mixed}"))
        (mixed / "vestibule").unlink()
        self.assertIn("absent", self.refused(f"--built={ARCH}={mixed}"))
        other = {"x86_64": "aarch64", "aarch64": "x86_64"}[ARCH]
        self.assertIn(f"is not for {other}", self.refused(f"--built={other}={self.built}"))
        self.assertFalse((self.scratch / "refused").exists())
        before = (self.output / "SHA256SUMS").read_bytes()
        self.assertIn("is there already", self.refused(f"--built={ARCH}={self.built}", output=self.output))
        self.assertEqual((self.output / "SHA256SUMS").read_bytes(), before)
        self.assertEqual([p.name for p in self.scratch.glob(".release-*")], [])

    def test_a_path_of_the_machine_is_refused(self):
        sys.path.insert(0, str(ROOT / "deploy"))
        sys.dont_write_bytecode = True
        from packaging import tree

        planted = self.scratch / "planted"
        planted.mkdir()
        (planted / "README.md").write_text(f"built in {ROOT}/target")
        with self.assertRaisesRegex(SystemExit, "README.md has a path of this machine"):
            tree.refuse_paths(planted, {str(ROOT)}, binaries_too=True)
        (planted / "README.md").rename(planted / "vestibule")
        with self.assertRaisesRegex(SystemExit, "vestibule has a path"):
            tree.refuse_paths(planted, {str(ROOT)}, binaries_too=True)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not there")
    def test_the_unit_is_right_and_shut_in(self):
        unit = self.scratch / "vestibule.service"
        unit.write_text(UNIT.read_text().replace("/usr/local/bin/vestibule", str(self.root / "usr/bin/vestibule")))
        said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        said = run("systemd-analyze", "security", "--offline=true", unit)
        exposure = float(re.search(r"exposure level for vestibule.service: ([\d.]+)", said)[1])
        self.assertLessEqual(exposure, EXPOSURE)


if __name__ == "__main__":
    unittest.main()
