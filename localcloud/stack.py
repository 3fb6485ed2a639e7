"""One environment run through the Pulumi command line, offline: same program, same engine, other cloud."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inference_stack.planner import plan_environment
from inference_stack.spec import CONFIG_KEY, InvalidEnvironment
from localcloud.toolchain import Tool, Toolchain

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Stack:
    """An environment, the folder that holds all of its local state, and the tools that work on it.

    The user's own `Pulumi.<env>.yaml` is only read: Pulumi writes a salt into the file it is given, so it is
    given a copy, in which the chart sources name the folders that the toolchain made.
    """

    environment: str
    toolchain: Toolchain
    state: Path
    settings: Path
    project: Path = PROJECT

    def preview(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Preview with the policy pack. Nothing is created."""
        return self.run("preview", "--policy-pack", str(PROJECT / "policies"), *options, capture=capture)

    def up(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy, without asking."""
        return self.run("up", "--yes", "--skip-preview", *options, capture=capture)

    def refresh(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Read what the cloud says of every resource into the state, without asking."""
        return self.run("refresh", "--yes", "--skip-preview", *options, capture=capture)

    def destroy(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Destroy, without asking."""
        return self.run("destroy", "--yes", "--skip-preview", *options, capture=capture)

    def run(self, verb: str, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one Pulumi command on this stack; with `capture`, its output is returned, not shown."""
        where = ("--stack", self.environment, "--config-file", str(self._prepare()))
        return self._pulumi(verb, *where, *options, capture=capture)

    def variables(self) -> dict[str, str]:
        """Environment of a Pulumi command on this stack."""
        inherited = dict(os.environ)
        # Azure's SDK is so large that compiling it anew is half of a preview; what is kept lies in `.venv`.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **inherited,
            **self.toolchain.environment(),
            "PULUMI_BACKEND_URL": f"file://{self.state / 'pulumi'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase()),
            "LOCALCLOUD_STATE": str(self.state),
            "LOCALCLOUD_PYTHON": str(PROJECT / ".venv" / "bin" / "python"),
        }

    def forget(self) -> None:
        """Remove what a destroyed environment leaves: the stack's history and the cloud's database."""
        shutil.rmtree(self.state)

    def _pulumi(
        self, *arguments: str, capture: bool, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.toolchain.path(Tool.PULUMI)), *arguments],
            cwd=cwd or self.project,
            env=self.variables(),
            capture_output=capture,
            text=True,
            check=False,
        )

    def _passphrase(self) -> Path:
        file = self.state / "passphrase"
        if not file.exists():
            (self.state / "pulumi").mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_urlsafe(32))
        return file

    def _prepare(self) -> Path:
        """Bring the copy of the settings up to date, and make the stack where there is none."""
        self._passphrase()
        copy = self.state / f"Pulumi.{self.environment}.yaml"
        kept = yaml.safe_load(copy.read_text()) if copy.exists() else {}
        settings = yaml.safe_load(self.settings.read_text()) or {}
        environment = (settings.get("config") or {}).get(CONFIG_KEY)
        if environment is not None and self._is_valid(environment):
            environment["charts"] = self._charts()
        salt = {"encryptionsalt": kept["encryptionsalt"]} if "encryptionsalt" in kept else {}
        copy.write_text(yaml.safe_dump({**settings, **salt}, sort_keys=False))
        if not salt:
            self._initialise()
        return copy

    def _initialise(self) -> None:
        """Make the stack from the state folder, whose own project file sends the salt into the copy there."""
        project = yaml.safe_load((self.project / "Pulumi.yaml").read_text())
        (self.state / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        made = self._pulumi("stack", "init", self.environment, "--no-select", capture=True, cwd=self.state)
        if made.returncode:
            raise SystemExit(made.stderr)

    def _is_valid(self, environment: Any) -> bool:
        """A faulty environment stays as it is, so that Pulumi's program tells all of its faults."""
        try:
            plan_environment(environment, name=self.environment, file=self.settings.name)
        except InvalidEnvironment:
            return False
        return True

    def _charts(self) -> dict[str, dict[str, str]]:
        folder = self.toolchain.path(Tool.KUBERAY_CHARTS)
        return {
            f"kuberay_{part}": {"chart": str(folder / f"kuberay-{part}")} for part in ("crds", "operator")
        }


def stack_at(
    environment: str, toolchain: Toolchain, settings: Path | None = None, state: Path | None = None
) -> Stack:
    """The stack of an environment, with its state under `.localcloud/` unless told otherwise."""
    return Stack(
        environment=environment,
        toolchain=toolchain,
        state=(state or PROJECT / ".localcloud" / environment).resolve(),
        settings=(settings or PROJECT / f"Pulumi.{environment}.yaml").resolve(),
    )


def environments(folder: Path = PROJECT) -> Sequence[str]:
    """Names of the environments that have a file."""
    return sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))
