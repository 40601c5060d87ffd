"""The parts of deploy/release."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    """What a command prints; the release ends, in one line, if it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, **options)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is needed, and not there")
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{' '.join(map(str, command[:4]))} … failed with exit code {failed.returncode}")
    return done.stdout.strip()
