"""Ray on this machine with simulated GPUs: one node that offers what a RayService's pods would offer."""

import contextlib
import json
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from localcloud.cluster.commands import Command
from localcloud.cluster.processes import Child

LOOPBACK = "127.0.0.1"
START_S = 300.0
"""How long Ray may take to start; it takes 10 s on two free cores."""
FAILED = ("DEPLOY_FAILED", "UNHEALTHY")
"""States of an application or a deployment from which nothing comes up by itself."""
_ANSWER_S = 120.0
"""How long Ray may take for one answer; it takes milliseconds where its processes get their turn."""
_GRACE_S = 30.0
_AGENTS_GRACE_S = 3.0
"""Ray's agents outlive its other processes by half a minute, with nothing left to do."""


class ServeError(Exception):
    """What went wrong between Ray's start and a running application, for people."""


@dataclass(frozen=True)
class RayNode:
    """What the one node offers: its logical resources, by Ray's names."""

    cpus: int
    gpus: int
    resources: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "RayNode":
        """The head and every worker that a RayService may have, rolled into one node."""
        cluster = manifest["spec"]["rayClusterConfig"]
        total: dict[str, float] = {"CPU": float(cluster["headGroupSpec"]["rayStartParams"]["num-cpus"])}
        for group in cluster["workerGroupSpecs"]:
            for name, amount in group["resources"].items():
                total[name] = total.get(name, 0.0) + float(amount) * group["maxReplicas"]
        return cls(cpus=int(total.pop("CPU")), gpus=int(total.pop("GPU", 0)), resources=total)


class LocalRay:
    """A Ray head, and the REST interface by which KubeRay, too, hands over a Serve configuration."""

    def __init__(self, node: RayNode, variables: Mapping[str, str], log: Path) -> None:
        """Start Ray with these variables in the environment of every process; raises ServeError."""
        dashboard, client, metrics, self.port = free_ports(4)
        # Not in the folder of state: a Unix socket's path has at most 107 characters.
        self._files = Path(tempfile.mkdtemp(prefix="ray-"))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        self._log = log
        # Ray listens on the machine's own address, whatever it is told, and runs what it is sent.
        self.variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        """By which other processes of this machine may join in."""
        self._http = httpx2.Client(
            base_url=f"http://{LOOPBACK}:{dashboard}/api/serve",
            headers={"Authorization": f"Bearer {self.variables['RAY_AUTH_TOKEN']}"},
            timeout=_ANSWER_S,
        )
        self.metrics = f"http://{LOOPBACK}:{metrics}/metrics"
        """Where Prometheus finds the series of Ray, Serve and vLLM."""
        ports = {
            "dashboard-port": dashboard,
            "ray-client-server-port": client,
            "metrics-export-port": metrics,
        }
        self._child = Child(_head(node, {**variables, **self.variables}, self._files, ports), log)

    def wait(self) -> None:
        """Until Ray answers; raises ServeError."""
        until, answer = time.monotonic() + START_S, None
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (answer := self._http.get("/applications/")).is_success:
                    return
            if self._child.exit_code() is not None or time.monotonic() > until:
                told = f"; it answers {answer.status_code}" if answer else ""
                raise ServeError(f"Ray did not start{told}. {self._log} says more.")
            time.sleep(0.5)

    def deploy(self, serve_config: Mapping[str, Any]) -> None:
        """Hand over a Serve configuration; raises ServeError where Ray refuses it.

        Where its server listens is said beside it, since it is no part of `serveConfigV2`.
        """
        listening = {"http_options": {"host": LOOPBACK, "port": self.port}}
        answer = self._http.put("/applications/", json={**serve_config, **listening})
        if not answer.is_success:
            raise ServeError(f"Ray Serve refused the configuration: {answer.text}")

    def applications(self) -> dict[str, Any]:
        """Each application as Ray Serve tells of it, by name; none while it is too busy to tell."""
        with contextlib.suppress(httpx2.HTTPError):
            return self._http.get("/applications/").raise_for_status().json()["applications"]
        return {}

    def wait_until_it_ends(self) -> None:
        """As long as Ray runs; raises ServeError when it has ended by itself."""
        while self._child.exit_code() is None:
            time.sleep(0.5)
        raise ServeError(f"Ray has ended; {self._log} says why.")

    @property
    def address(self) -> str:
        """Where the applications answer."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def gcs(self) -> str:
        """Where other processes join this Ray."""
        return (self._files / "ray_current_cluster").read_text().strip()

    def stop(self) -> None:
        """End every process of this Ray, and remove its files; its logs are kept beside `log`."""
        self._http.close()
        started: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._child.id.pid).children(recursive=True)
        self._child.stop()
        _, left = psutil.wait_procs(started, timeout=_AGENTS_GRACE_S)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        kept = self._log.with_name("ray-logs")
        shutil.rmtree(kept, ignore_errors=True)
        with contextlib.suppress(OSError, shutil.Error):  # a log that is gone meanwhile is no loss
            shutil.copytree(self._files / "session_latest" / "logs", kept)
        shutil.rmtree(self._files, ignore_errors=True)


def failures(applications: Mapping[str, Any]) -> list[str]:
    """What Ray Serve says of applications, and of deployments in them, that do not come up by themselves."""
    parts = [part for each in applications.values() for part in (each, *each["deployments"].values())]
    return [part["message"] for part in parts if part["status"] in FAILED]


def _head(node: RayNode, variables: Mapping[str, str], files: Path, ports: Mapping[str, int]) -> Command:
    options = {
        "port": 0,  # Ray finds a free one, as for the others that are 0
        "dashboard-host": LOOPBACK,
        "dashboard-agent-listen-port": 0,
        "dashboard-agent-grpc-port": 0,
        "runtime-env-agent-port": 0,
        "min-worker-port": 0,
        "max-worker-port": 0,
        "num-cpus": node.cpus,
        "num-gpus": node.gpus,
        "resources": json.dumps(node.resources),
        "object-store-memory": 200 * 1024**2,
        "temp-dir": files,
        **ports,
    }
    return Command(
        name="ray",
        program=Path(sys.executable).with_name("ray"),
        arguments=("start", "--head", "--block", *(f"--{name}={value}" for name, value in options.items())),
        # Nobody is left whose requests it would have to finish first.
        environment={
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            # Ray makes its workers give way to whatever else runs: beside a busy program no model starts.
            "RAY_worker_niceness": "0",
            **variables,
        },
        grace_s=_GRACE_S,
    )


def free_ports(count: int) -> Iterator[int]:
    """Ports on the loopback address that nobody listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        ports = [one.getsockname()[1] for one in sockets]
    return iter(ports)
