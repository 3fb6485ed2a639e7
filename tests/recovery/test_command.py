"""`python -m recovery`, with a Pulumi on the path that answers one thing."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.recovery.deployments import group, killed, provider

ROOT = Path(__file__).parents[2]
PULUMI = """#!/bin/sh
case "$*" in
  "stack export --file "*) cp {state} "$4" ;;
  *) echo "error: the stack is currently locked by 1 lock(s)" >&2; exit 255 ;;
esac
"""


def run(folder: Path, state: object) -> subprocess.CompletedProcess[str]:
    """Run it in a folder where every command but an export of the state meets a lock."""
    (folder / "state.json").write_text(json.dumps({"deployment": state}))
    pulumi = folder / "pulumi"
    pulumi.write_text(PULUMI.format(state=folder / "state.json"))
    pulumi.chmod(0o755)
    path = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "recovery", "--stack", "acme/llm/dev"]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **path}, capture_output=True, text=True, check=False
    )


def test_it_says_that_nothing_was_under_way(tmp_path: Path) -> None:
    told = run(tmp_path, {"resources": [provider()]})
    assert (told.returncode, told.stdout) == (0, "Nothing was under way.\n")


def test_a_lock_stops_it_in_the_words_of_pulumi_and_the_state_as_found_is_kept(tmp_path: Path) -> None:
    told = run(tmp_path, killed(group()))
    assert told.returncode == 1
    assert "currently locked" in told.stderr
    assert "Traceback" not in told.stderr
    (kept,) = tmp_path.glob(".recovery/*/before.json")
    assert json.loads(kept.read_text())["deployment"]["pending_operations"]
