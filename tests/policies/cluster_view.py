"""A cluster as the table of the baselines sees it, whether previewed or made."""

from typing import Any

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
        "agentPoolProfiles": {pool["name"]: pool for pool in made["agentPoolProfiles"]},
        "agentPools": {"gpu": gpu},
        "maintenanceConfigurations": {
            each["configName"]: each for each in of[f"{AKS}:MaintenanceConfiguration"]
        },
        "diagnosticSettings": logs,
    }
