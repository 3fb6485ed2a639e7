"""The kubeconfig of a cluster that Entra guards, and from when on a role in Azure holds there."""

import json
import math
from pathlib import Path
from typing import Any

from localcloud.arm.request import TENANT_ID
from localcloud.arm.services.identity import ASSIGNMENT
from localcloud.arm.store import Store
from localcloud.arm.wire import Properties, get

DELAY = "role_seconds"
"""Setting of the cloud: how long a new role takes to hold on a cluster, in seconds."""
_DELAY_S = 2.0
"""In Azure it takes minutes (learn.microsoft.com, RBAC troubleshooting: up to ten)."""

_CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""AKS's own application in Entra, the same in every tenant; whom tokens are for."""
_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""AKS's application for people at a screen."""


def guards(cluster: Properties) -> bool:
    """Whether Entra decides who gets into a cluster."""
    return get(cluster, "aadProfile.managed") is True


def kubeconfig(own: bytes, tokens: Path, cluster: Properties, store: Store) -> bytes:
    """The kubeconfig that AKS hands out: it names kubelogin, and asks a person at a screen.

    Source: MicrosoftDocs/azure-aks-docs, articles/aks/kubelogin-authentication.md.
    """
    content: Any = json.loads(own)
    flags = {
        "--environment": "AzurePublicCloud",
        "--server-id": _SERVER,
        "--client-id": _CLIENT,
        "--tenant-id": TENANT_ID,
        "--login": "devicecode",
    }
    known = {"LOCALCLOUD_TOKENS": str(tokens), "LOCALCLOUD_ALLOWED_FROM": str(_holds_from(cluster, store))}
    for user in content["users"]:
        user["user"] = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "kubelogin",
                "args": ["get-token", *(part for flag in flags.items() for part in flag)],
                "env": [{"name": name, "value": value} for name, value in known.items()],
                "provideClusterInfo": False,
            }
        }
    return json.dumps(content, indent=2).encode()


def _holds_from(cluster: Properties, store: Store) -> int:
    """When the first role to administer the cluster holds, seconds of the epoch; 0 where a group has it."""
    granted = [
        grant.created.timestamp()
        for grant in store.all(ASSIGNMENT)
        if str(grant.properties["scope"]).lower() == str(cluster["id"]).lower()
        and str(grant.properties["roleDefinitionId"]).endswith(_CLUSTER_ADMIN)
    ]
    delay = float(store.setting(DELAY) or _DELAY_S)
    return math.ceil(min(granted) + delay) if granted else 0
