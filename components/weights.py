"""Jobs that bring checkpoints and adapters into the storage before anything is served from it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.workload_identity import WorkloadIdentity
from inference_stack.engine import pod_security, read_only_image
from inference_stack.planner import Copy

NAME = "weights"
"""Of the service account, and the label `app.kubernetes.io/name` of the pods."""
PATIENCE = "4h"
"""How long `pulumi up` waits for a Job; 700 GB come in that time at 50 MB/s. A later run goes on."""
TRIES = 6
"""Pods of a Job that may fail; each goes on where the one before it ended."""
SIZE = {"cpu": "1", "memory": "2Gi"}
"""Eight blocks of 64 MiB are on their way at a time."""


class WeightsArgs(TypedDict):
    """What the copies need."""

    copies: Sequence[Copy]
    """Required. What is copied, each once."""
    image: str
    """Required. Image of heads and workers, which holds the program."""
    namespace: str
    """Required. Namespace of the Jobs, which is there."""
    node_selector: Mapping[str, str]
    """Required. Labels of the nodes that they run on."""
    region: str
    """Required. Azure region of the identity."""
    resource_group_name: pulumi.Input[str]
    """Required. Resource group of the identity."""
    issuer: pulumi.Input[str]
    """Required. OIDC issuer of the cluster."""
    storage_account_id: pulumi.Input[str]
    """Required. ARM id of the storage account, which the identity may write to."""
    vault_id: NotRequired[pulumi.Input[str]]
    """Conditional. ARM id of the Key Vault; with `token_secret`."""
    token_secret: NotRequired[pulumi.Input[str]]
    """Optional. URL of a secret of that vault: a token of the hub."""
    tags: Mapping[str, str]
    """Required. Azure tags."""


class Weights(pulumi.ComponentResource):
    """An identity that may write weights, and a Job for each checkpoint and adapter.

    Pulumi holds a Job for made when it has completed, and for failed when it has failed: what depends on
    this component starts once all weights are there and right.
    """

    def __init__(self, name: str, args: WeightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register identity, service account and Jobs."""
        super().__init__("inference-stack:index:Weights", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        grants: dict[str, pulumi.Input[str]] = {"STORAGE_BLOB_DATA_CONTRIBUTOR": args["storage_account_id"]}
        if "vault_id" in args:
            grants["KEY_VAULT_SECRETS_USER"] = args["vault_id"]
        identity = WorkloadIdentity(
            NAME,
            {
                "region": args["region"],
                "resource_group_name": args["resource_group_name"],
                "issuer": args["issuer"],
                "namespace": args["namespace"],
                "service_account": NAME,
                "grants": grants,
                "tags": args["tags"],
            },
            opts=child,
        )
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-service-account",
            metadata={
                "name": NAME,
                "namespace": args["namespace"],
                "annotations": {"azure.workload.identity/client-id": identity.client_id},
            },
            automount_service_account_token=False,
            opts=child,
        )
        waiting = pulumi.ResourceOptions(
            parent=self,
            depends_on=[account, identity],
            custom_timeouts=pulumi.CustomTimeouts(create=PATIENCE),
        )
        for copy in args["copies"]:
            spec = self._job(copy, args)
            kubernetes.batch.v1.Job(
                f"{name}-{slug(copy.name)}",
                metadata={
                    "name": job_name(copy, spec),
                    "namespace": args["namespace"],
                    # One that failed, or that an `up` did not wait for to its end, is made again.
                    "annotations": {"pulumi.com/replaceUnready": "true"},
                },
                spec=_with_token(spec, args.get("token_secret")),
                opts=waiting,
            )
        self.register_outputs({})

    @staticmethod
    def _job(copy: Copy, args: WeightsArgs) -> dict[str, Any]:
        container = {
            "name": NAME,
            "image": args["image"],
            "command": ["python", "-m", "serving.weights", "copy", copy.source, copy.folder],
            "resources": {"requests": SIZE, "limits": SIZE},
            **read_only_image(),
        }
        pod = {
            "serviceAccountName": NAME,
            # Workload identity brings a token of its own.
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "nodeSelector": dict(args["node_selector"]),
            "securityContext": pod_security(),
            "containers": [container],
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
        }
        labels = {"app.kubernetes.io/name": NAME, "azure.workload.identity/use": "true"}
        # The node is not taken away from under a copy to save money.
        kept = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
        return {
            "backoffLimit": TRIES,
            "template": {"metadata": {"labels": labels, "annotations": kept}, "spec": pod},
        }


def slug(name: str) -> str:
    """A name as Kubernetes takes it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def job_name(copy: Copy, spec: Mapping[str, Any]) -> str:
    """Name of a Job: another one for whatever is changed, since a Job cannot be changed."""
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    # A pod's name adds six characters, and its label `job-name` has at most 63.
    return f"{NAME}-{slug(copy.name)[:40].strip('-')}-{digest}"


def _with_token(spec: Mapping[str, Any], secret: pulumi.Input[str] | None) -> Any:
    if secret is None:
        return spec
    (container,) = spec["template"]["spec"]["containers"]
    command = [*container["command"], pulumi.Output.concat("--token-secret=", secret)]
    pod = {**spec["template"]["spec"], "containers": [{**container, "command": command}]}
    return {**spec, "template": {**spec["template"], "spec": pod}}
