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
from rich.console import Console

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import CONFIG_KEY, InvalidEnvironment
from localcloud import cluster
from localcloud.arm.request import SUBSCRIPTION_ID
from localcloud.cluster.layout import Layout, write_private
from localcloud.existing import seed
from localcloud.recovery import Backend, end_orphans
from localcloud.toolchain import Tool, Toolchain
from recovery import RecoveryError, recover, unfinished

console = Console(stderr=True, highlight=False)
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
        return self.run("preview", *self.policies, *options, capture=capture)

    def up(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy, without asking, from wherever an interrupted run has left it. Raises `LockedError`."""
        if self.recover():
            return self.converge(*options, capture=capture)
        return self.run("up", "--yes", "--skip-preview", *options, capture=capture)

    def converge(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy, whatever was changed behind Pulumi's back, too. Raises `LockedError`.

        What failed is written again before anything is looked up: a refresh takes it for healthy, since it
        exists and is as it was asked.
        """
        self.recover()
        if self.backend.failed():
            again = self.run("up", "--yes", "--skip-preview", *options, capture=capture)
            if again.returncode:
                return again
        return self.run("up", "--yes", "--skip-preview", "--refresh", *options, capture=capture)

    def refresh(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Read what the cloud says of every resource into the state, without asking. Raises `LockedError`."""
        self.recover()
        return self.run("refresh", "--yes", "--skip-preview", *options, capture=capture)

    def destroy(self, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Destroy, without asking, from wherever an interrupted run has left it. Raises `LockedError`."""
        refreshing = ("--refresh",) if self.recover() else ()
        return self.run("destroy", "--yes", "--skip-preview", *refreshing, *options, capture=capture)

    def recover(self) -> bool:
        """Put right what a killed run left, and tell of it; whether a refresh has to follow.

        Raises `LockedError` where a run is still alive.
        """
        told = self.backend.clear_dead_locks() + self.backend.drop_broken_notes()
        interrupted = self.backend.interrupted()
        if told or interrupted:
            told += end_orphans(self.state)
        if interrupted or unfinished(self._recovery):
            try:
                told += recover(self._on_the_state, self._recovery, SUBSCRIPTION_ID)
            except RecoveryError as wrong:
                raise SystemExit(str(wrong)) from None
        for line in told:
            console.print(line, markup=False, soft_wrap=True)
        return bool(told)

    @property
    def backend(self) -> Backend:
        """Where Pulumi keeps the stack."""
        return Backend(self.state / "pulumi", self.environment)

    @property
    def _recovery(self) -> Path:
        return self.state / "interrupted"

    def run(self, verb: str, *options: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one Pulumi command on this stack; with `capture`, its output is returned, not shown."""
        where = ("--stack", self.environment, "--config-file", str(self.prepare()))
        return self.pulumi(verb, *where, *options, capture=capture)

    @property
    def policies(self) -> tuple[str, ...]:
        """Options that hold a run to the policy pack."""
        return ("--policy-pack", str(PROJECT / "policies"))

    def variables(self) -> dict[str, str]:
        """Environment of a Pulumi command on this stack."""
        inherited, tools = dict(os.environ), self.toolchain.environment()
        # Azure's SDK is so large that compiling it anew is half of a preview; what is kept lies in `.venv`.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **inherited,
            **tools,
            "PATH": os.pathsep.join((str(PROJECT / "localcloud" / "entra"), tools["PATH"])),
            "PULUMI_BACKEND_URL": f"file://{self.state / 'pulumi'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._passphrase()),
            "LOCALCLOUD_STATE": str(self.state),
            "LOCALCLOUD_PYTHON": str(PROJECT / ".venv" / "bin" / "python"),
        }

    def start(self, console: Console) -> None:
        """Start the control planes of the stack and of the clusters that were there before it."""
        self.prepare()
        manifests = Layout(self.state).manifests
        manifests.mkdir(parents=True, exist_ok=True)
        # AKS brings it with its secrets provider, which is no pod of ours.
        shutil.copy(self.toolchain.path(Tool.SECRETS_STORE_CRD), manifests)
        cluster.start(self.state, self.toolchain, console=console)

    def forget(self) -> None:
        """Remove what a destroyed environment leaves: the stack's history and the cloud's database."""
        shutil.rmtree(self.state)

    def pulumi(
        self, *arguments: str, capture: bool, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Pulumi's command line as it is, in the project's folder or another."""
        command = [str(self.toolchain.path(Tool.PULUMI)), *arguments]
        pipe = subprocess.PIPE if capture else None
        interrupt: KeyboardInterrupt | None = None
        with subprocess.Popen(
            command, cwd=cwd or self.project, env=self.variables(), stdout=pipe, stderr=pipe, text=True
        ) as process:
            while True:
                try:
                    output, errors = process.communicate()
                    break
                except KeyboardInterrupt as ctrl_c:
                    # Pulumi had it too, and ends when what is under way has; `subprocess.run` would kill it.
                    interrupt = ctrl_c
        if interrupt:
            raise interrupt
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def _checked(self, *arguments: str) -> None:
        """Run a Pulumi command on the state alone, which does not fail in any way a user could mend."""
        run = self._on_the_state(*arguments)
        if run.returncode:
            raise SystemExit(run.stderr)

    def _on_the_state(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Pulumi command that needs the stack's settings, but not its program."""
        return self.pulumi(*arguments, "--stack", self.environment, capture=True, cwd=self.state)

    def _passphrase(self) -> Path:
        file = self.state / "passphrase"
        if not file.exists():
            (self.state / "pulumi").mkdir(parents=True, exist_ok=True)
            write_private(file, secrets.token_urlsafe(32))
        return file

    def prepare(self) -> Path:
        """Bring the copy of the settings up to date, make the stack where there is none, and what exists."""
        self._passphrase()
        copy = self.state / f"Pulumi.{self.environment}.yaml"
        kept = yaml.safe_load(copy.read_text()) if copy.exists() else {}
        settings = yaml.safe_load(self.settings.read_text()) or {}
        environment = (settings.get("config") or {}).get(CONFIG_KEY)
        if environment is not None and (plan := self._plan(environment)):
            seed(plan.environment, self.state, self.toolchain)
            environment["charts"] = self._charts()
        salt = {"encryptionsalt": kept["encryptionsalt"]} if "encryptionsalt" in kept else {}
        write_private(copy, yaml.safe_dump({**settings, **salt}, sort_keys=False))
        if not salt:
            self._initialise()
        return copy

    def _initialise(self) -> None:
        """Make the stack from the state folder, whose own project file sends the salt into the copy there."""
        project = yaml.safe_load((self.project / "Pulumi.yaml").read_text())
        (self.state / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        if self.backend.exists():  # made, but killed before the salt was written: nothing can be in it
            self._checked("stack", "rm", "--yes", "--preserve-config")
        self._checked("stack", "init", "--no-select")

    def _plan(self, environment: Any) -> Plan | None:
        """None for a faulty environment, which stays as it is: Pulumi's program tells all of its faults."""
        try:
            return plan_environment(environment, name=self.environment, file=self.settings.name)
        except InvalidEnvironment:
            return None

    def _charts(self) -> dict[str, dict[str, str]]:
        kuberay = self.toolchain.path(Tool.KUBERAY_CHARTS)
        gateway = self.toolchain.path(Tool.ENVOY_GATEWAY_CHARTS)
        folders = {
            "kuberay_crds": kuberay / "kuberay-crds",
            "kuberay_operator": kuberay / "kuberay-operator",
            "envoy_gateway_crds": gateway / "envoy-gateway-crds",
            "envoy_gateway": gateway / "envoy-gateway",
        }
        return {name: {"chart": str(folder)} for name, folder in folders.items()}


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
