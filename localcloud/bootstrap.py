"""Makes `.venv` from the lock. Runs on a bare Python, so it uses nothing but the standard library."""

import argparse
import fcntl
import hashlib
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv"
LOCK = PROJECT / "requirements.lock"
SETS = {"preview": "localcloud", "check": "localcloud,dev", "test": "localcloud,dev,serving"}
"""What each purpose installs beside the product itself: Ray and vLLM are 9 GB and only tests need them."""


def main() -> int:
    """Install one set of packages, unless exactly that is installed already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="preview", dest="wanted")
    wanted = parser.parse_args().wanted
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.stderr.write(f"Python {sys.version.split()[0]} is not supported; use 3.11, 3.12 or 3.13.\n")
        return 1
    pins = hashlib.sha256(LOCK.read_bytes() + (PROJECT / "pyproject.toml").read_bytes()).hexdigest()
    ENVIRONMENT.mkdir(exist_ok=True)
    # Not `.lock`: that one is uv's own, and uv would wait for us as we wait for it.
    with (ENVIRONMENT / ".setup-lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another setup of this folder is running; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        # A larger set holds every smaller one.
        larger = list(SETS)[list(SETS).index(wanted) :]
        if any(_stamp(name).exists() and _stamp(name).read_text() == pins for name in larger):
            return 0
        started = time.monotonic()
        print(f"Setting up .venv for {wanted} ({_expectation(wanted)}).", flush=True)
        status = _install(wanted)
        if status == 0:
            _stamp(wanted).write_text(pins)
            print(f".venv is ready after {time.monotonic() - started:.0f} s.", flush=True)
        return status


def _stamp(name: str) -> Path:
    return ENVIRONMENT / f".ready-{name}"


def _expectation(wanted: str) -> str:
    return "a minute or so, 9 GB" if wanted == "test" else "about 20 s, 0.4 GB"


def _install(wanted: str) -> int:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as installer:
        installer.write(_pin("uv"))
        installer.flush()
        commands = (
            [python, "-m", "pip", "install", "--quiet", "--requirement", installer.name],
            [
                *(python, "-m", "uv", "pip", "install", "--quiet", "--python", python),
                *("--constraints", LOCK, "--build-constraints", LOCK),
                *("--editable", f".[{SETS[wanted]}]"),
            ],
        )
        for command in commands:
            status = subprocess.run([str(part) for part in command], cwd=PROJECT, check=False).returncode
            if status:
                sys.stderr.write(
                    "Setting up .venv failed; the lines above say why. Nothing else was changed.\n"
                )
                return status
    return 0


def _pin(package: str) -> str:
    """The lines of the lock that name one package, its version and its hashes."""
    found = re.search(rf"^{package}==.*\n(?:    --hash.*\n)+", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{LOCK.name} does not pin {package}; run `make lock`.")
    return found.group()


if __name__ == "__main__":
    sys.exit(main())
