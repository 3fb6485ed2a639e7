"""Runs a control plane: starts its programs in order, starts them again when they end, and ends them all."""

import http.client
import logging
import signal
import ssl
import threading
import time
from types import FrameType

import httpx2
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource

from localcloud.arm.store import Store
from localcloud.cluster.commands import Command, Commands
from localcloud.cluster.control import Control
from localcloud.cluster.layout import Layout, Settings, choose_ports, write_private
from localcloud.cluster.pki import Pki
from localcloud.cluster.processes import Child, ProcessId, Run

_log = logging.getLogger(__name__)
_API_DEADLINE_S = 120
_PORT_ATTEMPTS = 3
_STEP_S = 0.5
_DEFINITIONS_CHECK_S = 2.0
_RESTART_S = (1.0, 30.0)
_RAY_KINDS = tuple(
    create_namespaced_resource("ray.io", "v1", kind, f"{kind.lower()}s")
    for kind in ("RayCluster", "RayService", "RayJob")
)


class StartError(RuntimeError):
    """The control plane did not come up."""


class Supervisor:
    """The one process that owns a control plane."""

    def __init__(self, layout: Layout, settings: Settings, pid: int) -> None:
        """Prepare; nothing is started."""
        self._layout, self._settings = layout, settings
        self._pki = Pki(layout.pki)
        self._children: dict[str, Child] = {}
        self._restart: dict[str, tuple[float, float]] = {}
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
            commands = self._bring_up()
            if not self._stopping.is_set():
                self._work(commands)
        finally:
            for child in reversed(self._children.values()):
                _log.info("stopping %s", child.command.name)
                child.stop()
            self._layout.run.unlink(missing_ok=True)

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping.set()
        self._wake.set()

    def _bring_up(self) -> Commands:
        for attempt in range(_PORT_ATTEMPTS):
            ports = choose_ports(self._layout, afresh=attempt > 0)
            commands = Commands(self._layout, self._pki, ports, self._settings.programs)
            commands.write_configuration()
            self._start(commands.etcd())
            self._start(commands.apiserver())
            ended = self._await_api(ports.api)
            if ended is None:
                write_private(self._layout.kubeconfig, commands.administrator())
                for command in (commands.controller_manager(), commands.scheduler(), commands.kwok()):
                    self._start(command)
                return commands
            if "address already in use" not in self._tail(ended):
                raise StartError(f"{ended} ended while starting; its log ends:\n{self._tail(ended)}")
            _log.warning("%s found its port taken, trying others", ended)
            for child in reversed(self._children.values()):
                child.stop()
        raise StartError(f"ports were taken by other programs {_PORT_ATTEMPTS} times in a row; start again")

    def _await_api(self, port: int) -> str | None:
        """Wait for the API server; the name of a program that ended instead."""
        deadline = time.monotonic() + _API_DEADLINE_S
        context = ssl.create_default_context(cafile=str(self._pki.authority))
        context.load_cert_chain(self._pki.certificate("supervisor"), self._pki.key("supervisor"))
        while time.monotonic() < deadline and not self._stopping.is_set():
            if ended := next(
                (name for name, child in self._children.items() if child.exit_code() is not None), None
            ):
                return ended
            if _is_ready(port, context):
                return None
            self._stopping.wait(0.1)
        if self._stopping.is_set():
            return None
        tail = self._tail("kube-apiserver")
        raise StartError(f"the API server was not ready after {_API_DEADLINE_S} s; its log ends:\n{tail}")

    def _work(self, commands: Commands) -> None:
        credentials = KubeConfig.from_dict(yaml.safe_load(commands.supervisor()))
        client = Client(credentials, trust_env=False, field_manager="localcloud")
        definitions_due = 0.0
        with Store(self._layout.store) as store:
            control = Control(client, store, self._settings.clock_speed, self._wake)
            self._run = self._run.model_copy(update={"ready": True, "endpoint": commands.endpoint})
            self._write_run()
            while not self._stopping.is_set():
                try:
                    self._restart_ended()
                    if time.monotonic() >= definitions_due:
                        definitions_due = time.monotonic() + _DEFINITIONS_CHECK_S
                        self._run_operator(commands.operator(), wanted=_has_ray(client))
                    control.step()
                except (ApiError, httpx2.HTTPError) as failed:
                    _log.warning("this step failed and is tried again: %s", failed)
                if control.problems != self._run.problems:
                    self._run = self._run.model_copy(update={"problems": control.problems})
                    self._write_run()
                self._pause()

    def _pause(self) -> None:
        """Wait for news, but not so often that news keep us busy."""
        self._stopping.wait(_STEP_S / 5)
        self._wake.wait(_STEP_S)
        self._wake.clear()

    def _run_operator(self, command: Command, *, wanted: bool) -> None:
        """The operator ends itself when its definitions are missing, so it runs only while they are there."""
        running = self._children.get(command.name)
        if wanted and not running:
            self._start(command)
        if running and not wanted:
            _log.info("stopping %s: its definitions are gone", command.name)
            del self._children[command.name]
            running.stop()
            self._write_run()

    def _restart_ended(self) -> None:
        now, (shortest, longest) = time.monotonic(), _RESTART_S
        for name, child in list(self._children.items()):
            if (code := child.exit_code()) is None:
                continue
            if name not in self._restart or self._restart[name][0] < child.started:
                lived = now - child.started
                pause = (
                    shortest
                    if lived > longest
                    else min(2 * self._restart.get(name, (0, shortest / 2))[1], longest)
                )
                self._restart[name] = (now + pause, pause)
                _log.warning("%s ended with code %d, starting it again in %.0f s", name, code, pause)
            elif now >= self._restart[name][0]:
                self._start(child.command)

    def _start(self, command: Command) -> None:
        self._children[command.name] = Child(command, self._layout.log(command.name))
        _log.info("started %s", command.name)
        self._write_run()

    def _write_run(self) -> None:
        children = tuple(child.id for child in self._children.values())
        self._run = self._run.model_copy(update={"children": children})
        self._run.write(self._layout)

    def _tail(self, name: str) -> str:
        return "\n".join(self._layout.log(name).read_text(errors="replace").splitlines()[-8:])


def _is_ready(port: int, context: ssl.SSLContext) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _has_ray(client: Client) -> bool:
    """Whether the API server serves every kind that the operator wants."""
    try:
        for kind in _RAY_KINDS:
            next(iter(client.list(kind, namespace="*", chunk_size=1)), None)
    except httpx2.HTTPStatusError as refused:
        if refused.response.status_code == http.HTTPStatus.NOT_FOUND:
            return False
        raise
    return True
