"""Deployments as a killed run leaves them."""

from typing import Any

GROUP = "azure-native:resources:ResourceGroup"
GROUP_ID = "/subscriptions/s/resourceGroups/rg"
LOCK = "azure-native:authorization:ManagementLockByScope"
PROVIDER = "urn:pulumi:dev::inference-stack::pulumi:providers:azure-native::default"


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::inference-stack::{token}::{name}"


def provider(**inputs: str) -> dict[str, Any]:
    return {
        "urn": PROVIDER,
        "custom": True,
        "type": "pulumi:providers:azure-native",
        "id": "1",
        "inputs": inputs,
    }


def group(name: str = "rg", **more: Any) -> dict[str, Any]:
    return {
        "urn": urn(GROUP, name),
        "custom": True,
        "type": GROUP,
        "provider": f"{PROVIDER}::1",
        "inputs": {"resourceGroupName": name},
        **more,
    }


def kubernetes(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    full = f"kubernetes:{token}"
    return {"urn": urn(full, "made"), "custom": True, "type": full, "inputs": inputs}


def killed(resource: dict[str, Any], verb: str = "creating", *others: dict[str, Any]) -> dict[str, Any]:
    return {
        "resources": [provider(subscriptionId="s"), *others],
        "pending_operations": [{"resource": resource, "type": verb}],
    }
