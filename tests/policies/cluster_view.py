"""A cluster as the table of the baselines sees it, whether previewed or made."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from policies.security.namespaces_enforce_pod_security import ENFORCE

AKS = "azure-native:containerservice"


def view(states: list[dict[str, Any]]) -> dict[str, Any]:
    """The cluster among resources of Pulumi, with what belongs to it by name, as the table's paths see it."""
    of: dict[str, list[dict[str, Any]]] = {}
    for state in states:
        of.setdefault(state["type"], []).append(state.get("inputs", {}))
    (made,) = of[f"{AKS}:ManagedCluster"]
    gpu, *others = [pool for pool in of[f"{AKS}:AgentPool"] if "gpuProfile" in pool]
    assert {pool["osDiskType"] for pool in others} == {gpu["osDiskType"]}
    logs = {
        setting["name"]: {log["category"]: log["enabled"] for log in setting["logs"] if "category" in log}
        for setting in of["azure-native:monitor:DiagnosticSetting"]
    }
    return {
        **made,
        "namespaces": {
            each["metadata"]["name"]: {"podSecurity": each["metadata"]["labels"][ENFORCE]}
            for each in of["kubernetes:core/v1:Namespace"]
        },
        "containers": dict(_containers(of)),
        "agentPoolProfiles": {pool["name"]: pool for pool in made["agentPoolProfiles"]},
        "agentPools": {"gpu": gpu},
        "maintenanceConfigurations": {
            each["configName"]: each for each in of[f"{AKS}:MaintenanceConfiguration"]
        },
        "diagnosticSettings": logs,
    }


def _containers(of: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What containers may do, by their names; those of one name may the same."""
    found: list[dict[str, Any]] = []
    for service in of["kubernetes:ray.io/v1:RayService"]:
        cluster = service["spec"]["rayClusterConfig"]
        found.append({**cluster["autoscalerOptions"], "name": "autoscaler"})
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            found += group["template"]["spec"]["containers"]
    for job in of["kubernetes:batch/v1:Job"]:
        found += job["spec"]["template"]["spec"]["containers"]
    for proxy in of["kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy"]:
        deployment = proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"]
        found.append({**deployment["container"], "name": "envoy"})
    for name, own in groupby(sorted(found, key=itemgetter("name")), key=itemgetter("name")):
        security, *others = [each["securityContext"] for each in own]
        assert all(each == security for each in others)
        yield name, security
