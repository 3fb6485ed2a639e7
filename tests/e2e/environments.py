"""Environments that differ from dev in what a test is about, and stacks that run them."""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from inference_stack.spec import Images
from localcloud.stack import PROJECT, Stack, stack_at
from localcloud.toolchain import Toolchain

KEY = "inference-stack:environment"
Change = Callable[[dict[str, Any]], None]


def settings(folder: Path, change: Change | None = None, environment: str = "dev") -> Path:
    """The settings of an environment of this repository, changed, in a file of their own."""
    content = yaml.safe_load((PROJECT / f"Pulumi.{environment}.yaml").read_text())
    if change:
        change(content["config"][KEY])
    file = folder / f"changed.{environment}.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def pinned(environment: dict[str, Any]) -> None:
    """Every image by a digest of its own, and nothing waived that was only for want of them."""
    images = environment["images"]
    defaults = {name: str(field.default) for name, field in Images.model_fields.items()}
    for name, default in {**defaults, "serving": images["serving"]}.items():
        if "/" in default:
            images[name] = f"{default}@sha256:{hashlib.sha256(name.encode()).hexdigest()}"
    governance = environment["governance"]
    governance["waivers"] = [each for each in governance["waivers"] if each["rule"] != "images-pinned"]


PYTHON = f"""
name: elsewhere
runtime: {{name: python, options: {{virtualenv: {PROJECT / ".venv"}}}}}
"""


def project(folder: Path, toolchain: Toolchain, definition: str, program: str = "") -> Stack:
    """A project of somebody else's in a folder of its own."""
    (folder / "Pulumi.yaml").write_text(definition)
    if program:
        (folder / "__main__.py").write_text(program)
    file = folder / "settings.yaml"
    file.write_text("config: {}\n")
    return Stack("test", toolchain, folder / "state", file, folder)


def stack(
    folder: Path, toolchain: Toolchain, change: Change | None = None, environment: str = "dev"
) -> Stack:
    """A stack whose state lies in `folder`."""
    return stack_at(environment, toolchain, settings(folder, change, environment), folder / "state")


def changed(running: Stack, change: Change) -> Stack:
    """The same stack, asked for something else."""
    file = settings(running.state.parent, change, running.environment)
    return stack_at(running.environment, running.toolchain, file, running.state)


def steps(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Operation by URN of a `--json` preview."""
    return {step["urn"]: step["op"] for step in json.loads(run.stdout)["steps"]}


def passed(run: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The run, if Pulumi was content."""
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]
    return run


def told(run: subprocess.CompletedProcess[str]) -> str:
    """All that a run says, in one line: Pulumi breaks lines where it likes."""
    return re.sub(r"\s+", " ", run.stdout + run.stderr)


def commands_with(text: str) -> list[str]:
    """Command lines of the processes that mention a text, such as the folder of a stack's state."""
    found = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [command for command in found if text in command]
