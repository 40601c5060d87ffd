"""The binaries of a release: built alike in whatever directory, and looked at."""

import functools
import json
import os
import pathlib
import re
import shutil
import sys

from . import ROOT, run

# Debian's name, readelf's name for the machine.
ARCHITECTURES = {
    "x86_64": ("amd64", "Advanced Micro Devices X86-64"),
    "aarch64": ("arm64", "AArch64"),
}
# Binary: whether the demo's identity provider is in it.
KINDS = {"vestibule": False, "vestibule-demo": True}
# The demonstration's identity provider serves it; no other part of the code names it.
DEMO = b"/adfs/portal/submit.js"
# Older than that of Debian 12 (2.36), Amazon Linux 2023 (2.34) and RHEL 8 (2.28).
GLIBC = (2, 28)
# Libraries that may be linked dynamically: libgcc_s has its package, the others are glibc's.
LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"}
TOOLS = ROOT / "target/dist/tools"
TARGET = ROOT / "target/dist/cargo"


def triple(arch):
    return f"{arch}-unknown-linux-gnu"


def features(demo):
    return [] if demo else ["--no-default-features", "--features=shell"]


def missing(archs, built):
    """What must be installed first, each with how."""
    needed = {
        "git": "apt install git",
        "cargo": "https://rustup.rs",
        "dpkg-deb": "apt install dpkg",
        "readelf": "apt install binutils",
    }
    absent = [f"{tool}: {how}" for tool, how in needed.items() if not shutil.which(tool)]
    to_build = [arch for arch in archs if arch not in built]
    if to_build and not absent:
        for arch in to_build:
            if not pathlib.Path(run("rustc", "--print", "target-libdir", "--target", triple(arch))).is_dir():
                absent.append(f"Rust's standard library: rustup target add {triple(arch)}")
    for arch, directory in built.items():
        absent += [f"{directory}/{name}" for name in KINDS if not (pathlib.Path(directory) / name).is_file()]
    return absent


def zigbuild():
    """A PATH with cargo-zigbuild and zig, which links against whatever glibc is wanted."""
    wanted = ROOT / "deploy/packaging/requirements.txt"
    stamp = TOOLS / wanted.name
    if not stamp.is_file() or stamp.read_text() != wanted.read_text():
        run(sys.executable, "-m", "venv", "--clear", TOOLS)
        run(TOOLS / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", wanted)
        shutil.copy(wanted, stamp)
    return f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"


@functools.cache
def metadata(arch, demo):
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={triple(arch)}"]
    return json.loads(run(*command, *features(demo)))


def remapped(arch):
    """Directories of this machine, and what stands for them in what is built."""
    crates = {pathlib.Path(p["manifest_path"]).parent for p in metadata(arch, True)["packages"] if p["source"]}
    paths = {str(registry): "/crates" for registry in {crate.parent for crate in crates}}
    sysroot = run("rustc", "--print", "sysroot")
    commit = re.search(r"^commit-hash: (.*)$", run("rustc", "-vV"), re.M)[1]
    paths[str(ROOT)] = "/vestibule"
    paths[f"{sysroot}/lib/rustlib/src/rust"] = f"/rustc/{commit}"
    return paths


def build(arch):
    """Builds both binaries; returns the directory that has them."""
    paths = remapped(arch)
    TARGET.mkdir(parents=True, exist_ok=True)
    # Cargo hashes RUSTFLAGS into names of symbols and files, a wrapper's arguments it does not.
    wrapper = TARGET.parent / "rustc"
    remap = " ".join(f"'--remap-path-prefix={old}={new}'" for old, new in paths.items())
    wrapper.write_text(f'#!/bin/sh\nexec "$@" {remap}\n')
    wrapper.chmod(0o755)
    # zig checks for undefined behaviour where nothing is optimized: aws-lc's jitter source.
    sources = {old: new for old, new in paths.items() if not new.startswith("/rustc/")}
    c_flags = [f"-ffile-prefix-map={old}={new}" for old, new in sources.items()] + ["-fno-sanitize=undefined"]
    environment = {k: v for k, v in os.environ.items() if "RUSTFLAGS" not in k and not k.startswith("CARGO_PROFILE")}
    environment |= {
        "PATH": zigbuild(),
        "RUSTC_WRAPPER": str(wrapper),
        "CFLAGS": " ".join(c_flags),
        "CARGO_TARGET_DIR": str(TARGET),
        "CARGO_INCREMENTAL": "0",
    }
    out = TARGET.parent / "binaries" / arch
    out.mkdir(parents=True, exist_ok=True)
    target = f"{triple(arch)}.{'.'.join(map(str, GLIBC))}"
    for name, demo in KINDS.items():
        command = ["cargo", "zigbuild", "--release", "--locked", "--bin=vestibule", f"--target={target}"]
        run(*command, *features(demo), env=environment)
        made = TARGET / triple(arch) / "release/vestibule"
        if newer := [v for v in glibc_versions(made) if v > GLIBC]:
            sys.exit(f"{name} for {arch} wants a glibc of {max(newer)}, newer than {GLIBC}")
        shutil.copy(made, out / name)
    return out


def accept(binary, arch, demo):
    """Refuses a binary that is not what its name says."""
    if ARCHITECTURES[arch][1] not in run("readelf", "-hW", binary):
        sys.exit(f"{binary} is not for {arch}")
    if unknown := needed(binary) - LIBRARIES:
        sys.exit(f"{binary} needs libraries that the packages do not ask for: {', '.join(sorted(unknown))}")
    if (DEMO in binary.read_bytes()) != demo:
        has = "no" if demo else "the demo's"
        wanted = "the default features" if demo else "--no-default-features --features=shell"
        sys.exit(f"{binary} has {has} identity provider in it; build it with {wanted}")


def needed(binary):
    """The libraries it names, without the loader, which has the name of its machine."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", binary))
    return {name for name in names if not name.startswith("ld-linux-")}


def glibc_versions(binary):
    found = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", run("readelf", "-VW", binary))
    return sorted({(int(major), int(minor)) for major, minor in found})


def build_paths():
    """What may not be found in a release: where it was made."""
    cargo = os.environ.get("CARGO_HOME", str(pathlib.Path.home() / ".cargo"))
    rustup = os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))
    return {str(ROOT), cargo, rustup, str(pathlib.Path(cargo).resolve())}
