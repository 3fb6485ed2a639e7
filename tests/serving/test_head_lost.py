"""The Ray head is lost while a worker serves, on two nodes with the variables that we give their pods.

The processes of a node end with its first, as those of a container do.
"""

import contextlib
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psutil
import pytest

from inference_stack.engine import HeadGroup, RayService, WorkerGroup, ray_service, serve_config
from inference_stack.engine.ray_service import RECORDS_PATH
from localcloud.cluster.commands import Command
from localcloud.cluster.processes import Child
from localcloud.serve_ray import LOOPBACK, free_ports
from tests.serving.process_ids import WORKER_RESOURCE
from tests.serving.small import small

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PATIENCE_S = 180.0
ROOT = Path(__file__).parents[2]
MODEL = small(8192, 8, replicas_max=2)
GROUP = WorkerGroup(
    name=MODEL.group,
    node_selector={},
    resource="nvidia.com/gpu",
    units=1,
    accelerator_type=MODEL.accelerator_type,
    cpu=4,
    memory_gib=16,
    shm_gib=1,
    replicas_min=1,
    replicas_max=2,
)
SERVICE = RayService(
    name="copilot",
    namespace="inference",
    image="acme.azurecr.io/serving:2.60.0-vllm0.29.0-4c4e1d4c4e1d",
    service_account="inference",
    licences=("apache-2.0",),
    head=HeadGroup(node_selector={}),
    workers=(GROUP,),
    serve=serve_config([MODEL]),
)

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None]) -> Found:
    until = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if found := look():
                return found
        assert time.monotonic() < until
        time.sleep(0.1)


def variables(group: Mapping[str, Any]) -> dict[str, str]:
    """What the container of a group of the manifest tells Ray."""
    given = group["template"]["spec"]["containers"][0]["env"]
    return {each["name"]: each["value"] for each in given if each["name"].startswith("RAY_")}


class TwoNodes:
    """A head and a worker."""

    def __init__(self, files: Path) -> None:
        self.gcs, self.dashboard, self.client, self.agent, *self.proxies = free_ports(6)
        self.files, self.records = files, files / "gcs"
        token = secrets.token_hex(32)
        self._common = {
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
        }
        self._http = httpx2.Client(
            base_url=f"http://{LOOPBACK}:{self.dashboard}/api/serve/applications/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_S,
            trust_env=False,
        )
        self._cluster = ray_service(SERVICE)["spec"]["rayClusterConfig"]
        self.start_head()
        self.wait()
        address = (files / "head" / "ray_current_cluster").read_text().strip()
        self.worker = self._start(
            "worker",
            {
                **variables(self._cluster["workerGroupSpecs"][0]),
                "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(self.proxies[1]),
            },
            {
                "address": address,
                "num-cpus": 0,
                "resources": json.dumps({WORKER_RESOURCE: 1}),
                "dashboard-agent-listen-port": self.agent,
            },
        )

    def start_head(self) -> None:
        """As KubeRay starts one."""
        # One that it finds running on this machine is in the worker's pod elsewhere.
        (self.files / "head" / "ray_current_cluster").unlink(missing_ok=True)
        given = variables(self._cluster["headGroupSpec"])
        options: dict[str, Any] = {
            "port": self.gcs,
            "dashboard-host": LOOPBACK,
            "dashboard-port": self.dashboard,
            "ray-client-server-port": self.client,
            "num-cpus": 1,
        }
        self.head = self._start(
            "head",
            {name: value.replace(RECORDS_PATH, str(self.records)) for name, value in given.items()},
            options,
            "--head",
        )

    def wait(self) -> None:
        """Until the head tells of its applications."""
        eventually(lambda: self._http.get("").is_success)

    def lose_head(self) -> None:
        """End all of its processes without giving them a chance to say anything."""
        kill(self.head)

    def deploy(self, replicas: int) -> None:
        """The application without an ingress gets so many replicas."""
        applications = [
            {
                "name": name,
                "route_prefix": f"/{name}",
                "import_path": f"tests.serving.process_ids:{name}",
                "deployments": [{"name": "Replica", "num_replicas": number}],
            }
            for name, number in {"direct": replicas, "behind_ingress": 1}.items()
        ]
        listening = {
            "proxy_location": "EveryNode",
            "http_options": {"host": LOOPBACK, "port": self.proxies[0]},
        }
        self._http.put("", json={"applications": applications, **listening}).raise_for_status()
        eventually(lambda: len(self.replicas()) == replicas + 1 and self.running())

    def running(self) -> bool:
        """Whether every application runs, and the proxies of both nodes."""
        found = self._http.get("").json()
        proxies = [each["status"] for each in found["proxies"].values()]
        applications = {each["status"] for each in found["applications"].values()}
        return applications == {"RUNNING"} and proxies == ["HEALTHY", "HEALTHY"]

    def replicas(self) -> set[int]:
        """Process ids of the replicas on the worker that Serve's controller knows."""
        applications = self._http.get("").json()["applications"].values()
        deployments = [each["deployments"].get("Replica", {"replicas": []}) for each in applications]
        found = [replica for each in deployments for replica in each["replicas"]]
        return {replica["pid"] for replica in found if replica["state"] == "RUNNING"}

    def ask(self, application: str) -> int:
        """The process that answers when the proxy of the worker is asked."""
        answer = httpx2.get(f"http://{LOOPBACK}:{self.proxies[1]}/{application}", timeout=PATIENCE_S)
        return int(answer.raise_for_status().text)

    def worker_is_ready(self) -> bool:
        """What KubeRay's probe of a worker asks; one that is not ready gets no requests."""
        asked = (f"{self.agent}/api/healthz", f"{self.proxies[1]}/-/healthz")
        return all(self._http.get(f"http://{LOOPBACK}:{each}").is_success for each in asked)

    def _start(self, node: str, given: Mapping[str, str], options: Mapping[str, Any], *more: str) -> Child:
        free = ("dashboard-agent-listen-port", "dashboard-agent-grpc-port", "runtime-env-agent-port")
        told = {
            **dict.fromkeys((*free, "metrics-export-port", "min-worker-port", "max-worker-port"), 0),
            **options,
            "object-store-memory": 100 * 1024**2,
            "temp-dir": self.files / node,
        }
        command = Command(
            name=node,
            program=Path(sys.executable).with_name("ray"),
            arguments=("start", "--block", *more, *(f"--{name}={value}" for name, value in told.items())),
            environment={**self._common, **given},
        )
        return Child(command, self.files / f"{node}.log")


def kill(node: Child) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(node.id.pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    eventually(lambda: node.exit_code() is not None)


@pytest.fixture
def nodes() -> Iterator[TwoNodes]:
    # A Unix socket's path has at most 107 characters.
    files = Path(tempfile.mkdtemp(prefix="ray-"))
    found = None
    try:
        found = TwoNodes(files)
        yield found
    finally:
        if found:
            kill(found.head)
            kill(found.worker)
        shutil.rmtree(files, ignore_errors=True)


def test_replicas_outlive_a_head_that_comes_back_to_its_records_and_no_other(nodes: TwoNodes) -> None:
    nodes.deploy(1)
    replicas = nodes.replicas()
    assert {nodes.ask("direct"), nodes.ask("behind_ingress")} == replicas
    nodes.lose_head()
    with ThreadPoolExecutor() as asking:
        # The ingress went with the head: the worker's proxy keeps the request until there is one again.
        lost = time.monotonic()
        waiting = asking.submit(nodes.ask, "behind_ingress")
        assert nodes.ask("direct") in replicas
        assert nodes.worker_is_ready()
        print(f"answered without a head after {time.monotonic() - lost:.2f} s")
        nodes.start_head()
        nodes.wait()
        assert waiting.result() in replicas
        print(f"answered behind an ingress after {time.monotonic() - lost:.1f} s")
    # KubeRay hands the same over again where it asks before Serve knows of its applications.
    nodes.deploy(1)
    assert nodes.replicas() == replicas
    nodes.deploy(2)
    assert nodes.replicas() > replicas

    nodes.lose_head()
    # The volume of a pod goes with the pod: so does a new head find it.
    shutil.rmtree(nodes.records)
    lost = time.monotonic()
    nodes.start_head()
    eventually(lambda: nodes.worker.exit_code() is not None)
    print(f"sent away after {time.monotonic() - lost:.1f} s")
    eventually(lambda: not any(psutil.pid_exists(each) for each in replicas))
