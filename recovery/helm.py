"""Helm's own records of what was under way."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Secret

from recovery.deployment import Operation

_LOOPBACK = ("127.0.0.1", "localhost")


def forget_unfinished(operation: Operation, kubeconfig: str) -> list[str]:
    """Remove the records of a release that was under way, and tell of each.

    Helm refuses to install where there is a record and to upgrade where one is pending. Without it, it takes
    over the objects that it finds, by their labels.
    """
    told: list[str] = []
    inputs, client = operation.resource["inputs"], _client(kubeconfig)
    labels = {"owner": "helm", "name": str(inputs["name"])}
    for record in client.list(Secret, namespace=inputs["namespace"], labels={**labels}):
        status = ((record.metadata and record.metadata.labels) or {}).get("status", "")
        name = str(record.metadata and record.metadata.name)
        if operation.verb != "updating" or status.startswith("pending-"):
            client.delete(Secret, name, namespace=inputs["namespace"])
            told.append(f"Helm's record {name} ({status}) is removed")
    return told


def kubeconfig_of(operation: Operation, deployment: Mapping[str, Any]) -> str:
    """The kubeconfig of the provider that an operation went through; the deployment shows its secrets."""
    for found in deployment["resources"]:
        if f"{found['urn']}::{found.get('id')}" == operation.resource["provider"]:
            given = found["inputs"]["kubeconfig"]
            return json.loads(given["plaintext"]) if isinstance(given, dict) else given
    raise LookupError(operation.resource["provider"])


def _client(kubeconfig: str) -> Client:
    content = yaml.safe_load(kubeconfig)
    cluster = content["clusters"][0]["cluster"]
    # As Go's clients have it: a proxy of the environment is none on the way to this machine.
    elsewhere = urlsplit(cluster["server"]).hostname not in _LOOPBACK
    return Client(KubeConfig.from_dict(content), trust_env=elsewhere, proxy=cluster.get("proxy-url"))
