"""Previews one environment offline with the code of the tree it is started in.

A program, run by the Python of that tree, so that it uses nothing of ours but what every commit has. The
tools are those of whoever starts it: both sides of a comparison are made by the same.
"""

import json
import os
import sys
from pathlib import Path

from localcloud.stack import stack_at
from localcloud.toolchain import Tool, Toolchain

EVENTS, STEPS, ERRORS = "events.jsonl", "preview.json", "errors.txt"
"""What it leaves in its folder: Pulumi's event log, its preview as JSON, and what it said besides."""


def main(environment: str, folder: Path, tools: str) -> None:
    """Run the preview, whatever comes of it; `tools` is a toolchain as JSON."""
    os.environ["PULUMI_DEBUG_COMMANDS"] = "true"  # without, Pulumi hides the event log
    given = json.loads(tools)
    known = {tool.value for tool in Tool}
    paths = {Tool(name): Path(path) for name, path in given["paths"].items() if name in known}
    stack = stack_at(
        environment, Toolchain(Path(given["home"]), Path(given["bin"]), paths), state=folder / "state"
    )
    run = stack.preview("--json", "--event-log", str(folder / EVENTS), capture=True)
    (folder / STEPS).write_text(run.stdout)
    (folder / ERRORS).write_text(run.stderr)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
