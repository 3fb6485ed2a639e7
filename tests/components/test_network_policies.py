"""Who reaches whom under the policies of prod, by Cyclonus, a kept judge of network policies."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from components import gateway_names as gateway
from components.network_policies import HEADS, OPERATOR, RAY, SCRAPERS, WEIGHTS
from inference_stack.engine import NETWORK_LABEL
from inference_stack.planner import plan_environment
from inference_stack.telemetry.scrape import DCGM_LABELS, DCGM_NAMESPACE
from localcloud.toolchain.pins import BUILD_FLAGS
from tests.components.prod_network import network_policies

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "network.md"
Manifest = dict[str, Any]

PORTS = (53, 80, 443, 6379, 8000, 8080, 8265, 9400, 10001, 10443, 18000, 19001, 52365, 30000)
"""Those that something listens on, and 30000 for whatever a program may choose."""
ANY = 30000


OF_OTHERS = ("code-ray", "analyst-ray", "reasoner-ray", "assistant-ray", "summaries-ray")
"""Policies among the pods of services of which at most one pod is in the table."""


class Party(NamedTuple):
    """Who talks or is talked to."""

    name: str
    address: str
    namespace: str | None = None
    labels: dict[str, str] | None = None

    def peer(self) -> dict[str, Any]:
        """As Cyclonus has it; without a namespace it is outside the cluster."""
        if self.namespace is None:
            return {"IP": self.address}
        names = {"kubernetes.io/metadata.name": self.namespace}
        pod = {"PodLabels": self.labels or {}, "NamespaceLabels": names, "Namespace": self.namespace}
        return {"IP": self.address, "Internal": pod}


def _ray(namespace: str, service: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"namespace": namespace, "labels": {**labels, NETWORK_LABEL: service}}


OURS = (
    Party("head of copilot", "10.244.0.2", **_ray("inference", "copilot", HEADS)),
    Party("worker of copilot", "10.244.0.3", **_ray("inference", "copilot", RAY)),
    Party("worker of assistant", "10.244.0.4", **_ray("inference", "assistant", RAY)),
    Party("head of summaries, elsewhere", "10.1.0.5", **_ray("inference-prod", "summaries", HEADS)),
    Party("weights job", "10.244.0.6", "inference", WEIGHTS),
    Party("any other pod in inference", "10.244.0.7", "inference", {}),
    Party("any other pod in kuberay-system", "10.244.0.11", "kuberay-system", {}),
    Party("any other pod of the gateway's", "10.244.0.12", gateway.NAMESPACE, {}),
    Party("gateway's certificates", "10.244.0.13", gateway.NAMESPACE, gateway.CERTIFICATES_LABELS),
    Party("KubeRay operator", "10.244.0.8", "kuberay-system", OPERATOR),
    Party("gateway's controller", "10.244.0.9", gateway.NAMESPACE, gateway.CONTROLLER_LABELS),
    Party("gateway's proxy", "10.244.0.10", gateway.NAMESPACE, gateway.PROXY_LABELS),
    Party("exporter of GPUs", "10.244.0.14", DCGM_NAMESPACE, DCGM_LABELS),
)
OTHERS = (
    Party("DNS", "10.244.0.20", "kube-system", {"k8s-app": "kube-dns"}),
    Party("Azure Monitor's collector", "10.244.0.21", "kube-system", SCRAPERS),
    Party("pod of another team", "10.244.0.22", "default", {}),
    Party("API server", "10.60.17.4"),
    Party("private endpoints", "10.60.16.4"),
    Party("nodes", "10.60.0.4"),
    Party("metadata service", "169.254.169.254"),
    Party("internet", "20.190.128.1"),
)


@pytest.fixture(scope="module")
def policies() -> list[Manifest]:
    settings = yaml.safe_load((PROJECT / "Pulumi.prod.yaml").read_text())["config"]
    plan = plan_environment(settings["inference-stack:environment"], name="prod", file="Pulumi.prod.yaml")
    return network_policies(plan)


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Manifest]], list[str]]:
    """Rows of who reaches whom, on which ports; what no policy of ours touches is left out."""
    folder = tmp_path_factory.mktemp("cyclonus")
    for pinned in ("go.mod", "go.sum"):
        shutil.copy(PROJECT / "localcloud" / "toolchain" / "go" / "network_policies" / pinned, folder)
    shutil.copy(Path(__file__).with_name("network_verdicts.go"), folder / "main.go")
    subprocess.run(["go", "build", *BUILD_FLAGS, "-o", "verdicts", "."], cwd=folder, check=True)  # noqa: S607

    def ask(policies: list[Manifest]) -> list[str]:
        everybody = (*OURS, *OTHERS)
        pairs = [(one, to) for one, to in product(everybody, everybody) if one in OURS or to in OURS]
        traffic = [
            {"Source": one.peer(), "Destination": to.peer(), "ResolvedPort": port, "Protocol": "TCP"}
            for one, to in pairs
            for port in PORTS
        ]
        asked = json.dumps({"Policies": policies, "Traffic": traffic})
        answer = subprocess.run(
            [folder / "verdicts"], input=asked, check=True, capture_output=True, text=True
        )
        verdicts = iter(json.loads(answer.stdout))
        rows: list[str] = []
        for one, to in pairs:
            let = [port for port in PORTS if next(verdicts)]
            if let and one != to:
                ports = "all" if ANY in let else ", ".join(map(str, let))
                rows.append(f"| {one.name} | {to.name} | {ports} |")
        return rows

    return ask


def _printed() -> list[str]:
    """The rows of the table of the page."""
    text = PAGE.read_text().partition("| from | to | ports |\n")[2].partition("\n\n")[0]
    return text.splitlines()[1:]


def test_those_reach_each_other_that_the_page_lists_and_nobody_else(
    policies: list[Manifest], reached: Callable[[list[Manifest]], list[str]]
) -> None:
    assert reached(policies) == _printed()


def test_every_policy_is_needed(
    policies: list[Manifest], reached: Callable[[list[Manifest]], list[str]]
) -> None:
    idle = [
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for index, each in enumerate(policies)
        if each["metadata"]["name"] not in OF_OTHERS
        # The same functions make them for the other cluster, of which one pod is in the table.
        and each["metadata"]["namespace"] != "inference-prod"
        and reached([*policies[:index], *policies[index + 1 :]]) == _printed()
    ]
    assert idle == []


def test_a_hole_more_is_seen(
    policies: list[Manifest], reached: Callable[[list[Manifest]], list[str]]
) -> None:
    wider = copy.deepcopy(policies)
    hole = next(each for each in wider if each["metadata"]["name"] == "gateway-to-serve")
    hole["spec"]["ingress"][0]["from"].append({"namespaceSelector": {}})
    more = set(reached(wider)) - set(_printed())
    assert "| pod of another team | worker of copilot | 8000 |" in more


def test_every_hole_says_what_it_is_for(policies: list[Manifest]) -> None:
    assert all(each["metadata"]["annotations"]["inference-stack.io/why"] for each in policies)
