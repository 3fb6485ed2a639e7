"""Replicas of a running application, to be killed."""

import os
import signal
import time
from collections.abc import Iterable, Mapping

import psutil

from localcloud.serve_ray import LocalRay

INGRESS = "OpenAiIngress"
MEND_S = 300.0
"""How long Ray may take to replace what was killed."""


def replicas(ray: LocalRay, deployment: str) -> dict[str, int]:
    """Process ids of the replicas of a deployment that run, by replica."""
    deployments = ray.applications().get("llm", {"deployments": {}})["deployments"]
    found = deployments.get(deployment, {"replicas": []})["replicas"]
    return {each["replica_id"]: each["pid"] for each in found if each["state"] == "RUNNING"}


def proxies(ray: LocalRay) -> list[int]:
    """Process ids of Ray's HTTP proxies: Ray tells everything of them but that."""
    one = next(iter(replicas(ray, INGRESS).values()))
    of_the_node = psutil.Process(one).parent()
    assert of_the_node
    return [each.pid for each in of_the_node.children() if "ProxyActor" in " ".join(each.cmdline())]


def kill(processes: Iterable[int]) -> None:
    """End processes without giving them a chance to say anything."""
    for process in processes:
        os.kill(process, signal.SIGKILL)


def mended(ray: LocalRay, wanted: Mapping[str, int], without: Iterable[str] = ()) -> None:
    """Wait until so many replicas of each deployment run, none of those that shall be gone among them."""
    until = time.monotonic() + MEND_S
    while True:
        found = {deployment: replicas(ray, deployment) for deployment in wanted}
        gone = not {each for running in found.values() for each in running} & set(without)
        if gone and {deployment: len(running) for deployment, running in found.items()} == wanted:
            return
        assert time.monotonic() < until, ray.applications()
        time.sleep(0.5)
