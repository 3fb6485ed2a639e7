"""Runs a control plane: starts its programs in order, starts them again when they end, and ends them all."""

import logging
import signal
import sqlite3
import threading
import time
from types import FrameType

import httpx2
import yaml
from lightkube import ApiError, Client, KubeConfig

from localcloud.arm.store import Store
from localcloud.cluster.commands import Command, Commands
from localcloud.cluster.control import Control
from localcloud.cluster.layout import Layout, Settings, choose_ports, write_private
from localcloud.cluster.pki import Pki
from localcloud.cluster.probe import Probe
from localcloud.cluster.processes import Child, ProcessId, Run

_log = logging.getLogger(__name__)
_API_DEADLINE_S = 120
_PORT_ATTEMPTS = 3
_STEP_S = 0.5
_DEFINITIONS_CHECK_S = 2.0
_RESTART_S, _RESTART_AGAIN_S, _SETTLED_S = 1, 5, 30
_RAY_VERSION, _RAY_KINDS = "ray.io/v1", {"RayCluster", "RayService", "RayJob"}
"""What the operator wants to be served; it ends itself, or waits long, if it starts before."""


class StartError(RuntimeError):
    """The control plane did not come up."""


class Supervisor:
    """The one process that owns a control plane."""

    def __init__(self, layout: Layout, settings: Settings, pid: int) -> None:
        """Prepare; nothing is started."""
        self._layout, self._settings = layout, settings
        self._pki = Pki(layout.pki)
        self._children: dict[str, Child] = {}
        self._restart_at: dict[str, float] = {}
        self._definitions_due = 0.0
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._run = Run(supervisor=ProcessId.of("supervisor", pid))

    def run(self) -> None:
        """Run until told to stop by SIGTERM or SIGINT. Raises `StartError`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        self._layout.prepare()
        self._pki.ensure()
        self._write_run()
        try:
            commands, probe = self._bring_up()
            if not self._stopping.is_set():
                self._work(commands, probe)
        finally:
            for child in reversed(self._children.values()):
                _log.info("stopping %s", child.command.name)
                child.stop()
            self._layout.run.unlink(missing_ok=True)

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping.set()
        self._wake.set()

    def _bring_up(self) -> tuple[Commands, Probe]:
        for attempt in range(_PORT_ATTEMPTS):
            ports = choose_ports(self._layout, afresh=attempt > 0)
            commands = Commands(self._layout, self._pki, ports, self._settings.programs)
            probe = Probe(self._pki, ports.api)
            commands.write_configuration()
            self._start(commands.etcd())
            self._start(commands.apiserver())
            if not (ended := self._await_api(probe)):
                write_private(self._layout.kubeconfig, commands.administrator())
                for command in (commands.controller_manager(), commands.scheduler(), commands.kwok()):
                    self._start(command)
                return commands, probe
            if "address already in use" not in self._tail(ended):
                raise StartError(f"{ended} ended while starting; its log ends:\n{self._tail(ended)}")
            _log.warning("%s found its port taken, trying others", ended)
            for child in reversed(self._children.values()):
                child.stop()
        raise StartError(f"ports were taken by other programs {_PORT_ATTEMPTS} times in a row; start again")

    def _await_api(self, probe: Probe) -> str | None:
        """Wait for the API server; the name of a program that ended instead."""
        deadline = time.monotonic() + _API_DEADLINE_S
        while not (self._stopping.is_set() or probe.is_ready()):
            for name, child in self._children.items():
                if child.exit_code() is not None:
                    return name
            if time.monotonic() > deadline:
                tail = self._tail("kube-apiserver")
                raise StartError(f"no API server after {_API_DEADLINE_S} s; its log ends:\n{tail}")
            self._stopping.wait(0.1)
        return None

    def _work(self, commands: Commands, probe: Probe) -> None:
        credentials = KubeConfig.from_dict(yaml.safe_load(commands.supervisor()))
        client = Client(credentials, trust_env=False, field_manager="localcloud")
        with Store(self._layout.store) as store:
            control = Control(client, store, self._layout.stands_for, self._settings.clock_speed, self._wake)
            self._write_run(ready=True, endpoint=commands.endpoint)
            while not self._stopping.is_set():
                self._restart_ended()
                self._run_operator(commands.operator(), probe)
                try:
                    control.step()
                except (ApiError, httpx2.HTTPError, sqlite3.OperationalError) as failed:
                    _log.warning("this step failed and is tried again: %s", failed)
                if control.problems != self._run.problems:
                    self._write_run(problems=control.problems)
                self._pause()

    def _pause(self) -> None:
        """Wait for news, but not so often that news keep us busy."""
        self._stopping.wait(_STEP_S / 5)
        self._wake.wait(_STEP_S)
        self._wake.clear()

    def _run_operator(self, command: Command, probe: Probe) -> None:
        """Run the operator while its definitions are there: without them it ends itself."""
        if time.monotonic() < self._definitions_due:
            return
        self._definitions_due = time.monotonic() + _DEFINITIONS_CHECK_S
        if (served := probe.kinds(_RAY_VERSION)) is None:
            return
        running = self._children.get(command.name)
        if running and not served:
            _log.info("stopping %s: its definitions are gone", command.name)
            del self._children[command.name]
            running.stop()
            self._write_run()
        if not running and served >= _RAY_KINDS:
            self._start(command)

    def _restart_ended(self) -> None:
        now = time.monotonic()
        for name, child in list(self._children.items()):
            if (code := child.exit_code()) is None:
                continue
            if name not in self._restart_at:
                pause_s = _RESTART_S if now - child.started > _SETTLED_S else _RESTART_AGAIN_S
                self._restart_at[name] = now + pause_s
                _log.warning("%s ended with code %d, starting it again in %d s", name, code, pause_s)
            elif now >= self._restart_at[name]:
                self._start(child.command)

    def _start(self, command: Command) -> None:
        self._restart_at.pop(command.name, None)
        self._children[command.name] = Child(command, self._layout.log(command.name))
        _log.info("started %s", command.name)
        self._write_run()

    def _write_run(self, **changes: object) -> None:
        children = tuple(child.id for child in self._children.values())
        self._run = self._run.model_copy(update={"children": children, **changes})
        self._run.write(self._layout)

    def _tail(self, name: str) -> str:
        return "\n".join(self._layout.log(name).read_text(errors="replace").splitlines()[-8:])
