"""Plans and previews an environment of one state of the repository, by its own code."""

import json
import os
import subprocess
from pathlib import Path

from pydantic import TypeAdapter

from inference_stack.planner import Plan, plan_environment
from inference_stack.planner.difference import UnreadablePlanError, read_plan
from inference_stack.spec import Finding, InvalidEnvironment, read
from localcloud.toolchain import Toolchain
from pull_requests import one_environment
from pull_requests.comparison import Side
from pull_requests.preview import Preview, read_preview

PICTURE = "plan.svg"
_PREVIEWER = Path(one_environment.__file__)


def side(environment: str, tree: Path, folder: Path, tools: Toolchain | None) -> Side | None:
    """An environment as `tree` has it; None where it has none of that name.

    Args:
        environment: its name.
        tree: root of a working tree with a virtual environment in it.
        folder: for what is left of it, the picture among that.
        tools: to preview it offline with; None for the plan alone.
    """
    if not (tree / f"Pulumi.{environment}.yaml").exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    plan, faults = _planned(environment, tree, folder)
    if faults or tools is None:
        return Side(plan, faults)
    return Side(plan, preview=_previewed(environment, tree, folder, tools))


def azure_preview(environment: str, tree: Path, folder: Path, *options: str) -> Preview:
    """A preview against what is there, by the Pulumi on PATH, as whoever is logged in."""
    folder.mkdir(parents=True, exist_ok=True)
    events = folder / one_environment.EVENTS
    events.write_text("")
    run = subprocess.run(
        [
            *("pulumi", "preview", "--stack", environment, "--non-interactive", "--json"),
            *("--event-log", str(events), *options),
        ],
        cwd=tree,
        env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    return read_preview(run.stdout, events.read_text(), run.stderr)


def _planned(environment: str, tree: Path, folder: Path) -> tuple[Plan | None, tuple[Finding, ...]]:
    """By the tree's own code; by ours where the two do not tell plans in the same words."""
    command = ["-m", "inference_stack.cli", "plan", "--env", environment, "--json"]
    run = _python(tree, *command, "--svg", str(folder / PICTURE))
    (folder / "plan.json").write_text(run.stdout)
    file = tree / f"Pulumi.{environment}.yaml"
    try:
        if run.returncode and run.stdout.startswith("["):
            return None, TypeAdapter(tuple[Finding, ...]).validate_json(run.stdout)
        return read_plan(run.stdout, file.name), ()
    except (UnreadablePlanError, ValueError):
        return _planned_by_us(environment, file)


def _planned_by_us(environment: str, file: Path) -> tuple[Plan | None, tuple[Finding, ...]]:
    try:
        source = read(file)
        return plan_environment(source.data, name=environment, file=file.name, text=source.text), ()
    except InvalidEnvironment as wrong:
        return None, wrong.findings


def _previewed(environment: str, tree: Path, folder: Path, tools: Toolchain) -> Preview:
    paths = {tool: str(path) for tool, path in tools.paths.items()}
    given = json.dumps({"home": str(tools.home), "bin": str(tools.bin), "paths": paths})
    run = _python(tree, "-P", str(_PREVIEWER), environment, str(folder), given)
    left = (one_environment.STEPS, one_environment.EVENTS, one_environment.ERRORS)
    steps, events, said = (_text(folder / name) for name in left)
    return read_preview(steps, events, said + run.stderr)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of a tree on its own code, wherever else the same packages are installed."""
    return subprocess.run(
        [str(tree / ".venv" / "bin" / "python"), *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
