"""A configuration as docs/AWS.md has it prepared before it is packaged."""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]


def prepared(directory):
    config = pathlib.Path(directory) / "prepared"
    shutil.copytree(ROOT / "config", config)
    shutil.copy(ROOT / "fixtures/metadata.xml", config / "adfs.xml")
    return config
