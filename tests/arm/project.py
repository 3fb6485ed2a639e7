"""A Pulumi project of a test's own on the ARM stand-in: the real engine, no Kubernetes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from localcloud.arm.provider import STATE, store_path
from localcloud.arm.store import Store
from localcloud.toolchain import ENGINE, Tool, prepare
from tests.arm.engine import POOL

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder of its own, its state beside it."""

    folder: Path
    pulumi: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.pulumi), *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def configure(self, **values: Any) -> None:
        for name, value in values.items():
            done = self.run("config", "set", "--stack", "dev", name, str(value))
            assert done.returncode == 0, done.stderr

    def changes(self, verb: str, *options: str) -> dict[str, int]:
        """Operations by kind; the verb must succeed."""
        kinds = [step["op"] for step in self.steps(verb, *options)]
        return {kind: kinds.count(kind) for kind in set(kinds) - {"same"}}

    def steps(self, verb: str, *options: str) -> list[dict[str, Any]]:
        """What the engine says of every resource; the verb must succeed."""
        done = self.run(verb, "--stack", "dev", "--json", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["steps"]

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--stack", "dev", "--yes", "--skip-preview")

    def store(self) -> Store:
        return Store(store_path(Path(self.environment[STATE])))

    def pool(self) -> Any:
        with self.store() as store:
            return next(pool for pool in store.all(POOL) if pool.name == "h100")


def project_in(folder: Path) -> Project:
    """The project in a folder, whose state moves with it."""
    toolchain = prepare(ENGINE, console=Console(stderr=True))
    environment = {
        **os.environ,
        **toolchain.environment(),
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PYTHONPATH": str(ROOT),
        STATE: str(folder / "cloud"),
    }
    return Project(folder, toolchain.path(Tool.PULUMI), environment)


def made_in(folder: Path, program: str) -> Project:
    """A project in a new folder, with a stack and nothing deployed."""
    (folder / "backend").mkdir(parents=True)
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "arm", "runtime": runtime}))
    (folder / "__main__.py").write_text(program)
    project = project_in(folder)
    assert project.run("stack", "init", "dev").returncode == 0
    project.configure(**{"azure-native:location": "westeurope"})
    return project
