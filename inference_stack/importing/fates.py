"""What becomes of the keys of manifests that say nothing of an engine."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from inference_stack.engine.document import mappings
from inference_stack.engine.schema import joined
from inference_stack.engine.versions import RAY

from .keys import Fate, Keys


class Rule(NamedTuple):
    """What becomes of keys whose path ends so, and of all below them."""

    path: re.Pattern[str]
    fate: Fate
    what: str
    remedy: str | None = None


def _rule(path: str, fate: Fate, what: str, remedy: str | None = None) -> Rule:
    return Rule(re.compile(rf"(?:^|.*?\.)(?:{path})(?=$|[.\[])"), fate, what, remedy)


POD = r"spec\.containers\[\d+\]"
RULES = (
    _rule("apiVersion|kind", Fate.DERIVED, "this stack, which sends a RayService for each model"),
    _rule("status", Fate.DERIVED, "Kubernetes"),
    # Ray Serve
    _rule(
        r"deployment_config\.autoscaling_config\.target_(?:num_)?ongoing_requests(?:_per_replica)?",
        Fate.DERIVED,
        "`concurrency`: eight tenths of it",
    ),
    _rule(
        r"deployment_config\.(?:ray_actor_options|graceful_shutdown_timeout_s|request_router_config)",
        Fate.DERIVED,
        "this stack, alike for every model",
    ),
    _rule(
        r"autoscaling_config|deployment_config",
        Fate.LEFT,
        "an environment says bounds of replicas, and Ray's defaults stand for the rest",
    ),
    _rule("placement_group_config|accelerator_config", Fate.DERIVED, "`placement`"),
    _rule(
        "lora_config",
        Fate.LEFT,
        "adapters lie in this stack's own storage account, a folder for each model",
        "copy them into its container `adapters`",
    ),
    _rule(
        r"runtime_env\.env_vars\.\w*TIMEOUT_S",
        Fate.DERIVED,
        "the plan, from how long the weights take to load",
    ),
    _rule("runtime_env", Fate.LEFT, "an environment sets no variables and no packages of processes"),
    _rule(r"args\.ingress_deployment_config", Fate.DERIVED, "this stack: the ingress lies with the head"),
    _rule(
        r"applications\[\d+\]\.(?:name|route_prefix)",
        Fate.DERIVED,
        "this stack: a service for each model, at /",
    ),
    _rule("model_loading_config", Fate.LEFT, "weights come from this stack's own storage account"),
    # KubeRay
    _rule(r"metadata\.name", Fate.DERIVED, "the name of the model"),
    _rule(r"metadata\.namespace", Fate.LEFT, "services lie in a namespace of this stack"),
    _rule(
        "metadata",
        Fate.LEFT,
        "labels and annotations of objects are this stack's",
        "tag Azure resources with `tags`",
    ),
    _rule(
        "upgradeStrategy",
        Fate.LEFT,
        "an upgrade is a new cluster, or none",
        "leave upgrade to the plan, or set NewCluster or None",
    ),
    _rule("rayVersion", Fate.DERIVED, f"this stack, which runs Ray {RAY}"),
    _rule(
        "gcsFaultToleranceOptions",
        Fate.LEFT,
        "a head keeps its records in its pod, for a restart of its container, and not in Redis",
    ),
    _rule(
        "enableInTreeAutoscaling|autoscalerOptions|rayClusterDeletionDelaySeconds|serveService",
        Fate.DERIVED,
        "this stack, alike for every service",
    ),
    _rule(
        r"rayStartParams|workerGroupSpecs\[\d+\]\.(?:groupName|replicas|minReplicas|maxReplicas|resources|numOfHosts)",
        Fate.DERIVED,
        "the plan: workers follow from the replicas",
    ),
    # pods
    _rule(
        r"containers\[\d+\]\.image",
        Fate.LEFT,
        f"the pods run the image of `images.serving`, with Ray {RAY}",
        "build one of your own on it, where yours has more in it",
    ),
    _rule(
        r"containers\[\d+\]\.(?:env|envFrom)\[\d+\]",
        Fate.LEFT,
        "an environment sets no variables; whoever copies gated weights has a token",
    ),
    _rule(r"containers\[\d+\]\.(?:env|envFrom)", Fate.LEFT, "an environment sets no variables of processes"),
    _rule(r"containers\[\d+\]\.resources", Fate.DERIVED, "the plan, which sizes pods by their pool"),
    _rule(
        r"containers\[\d+\]\.(?:name|ports|imagePullPolicy|securityContext|terminationMessagePolicy)|template\.spec\.(?:securityContext|restartPolicy|terminationGracePeriodSeconds|automountServiceAccountToken|containers\[\d+\]\.securityContext)",
        Fate.DERIVED,
        "this stack, alike for every pod",
    ),
    _rule(
        r"containers\[\d+\]\.(?:liveness|readiness|startup)Probe",
        Fate.DERIVED,
        "KubeRay, whose probes a model that loads does not fail",
    ),
    _rule(r"containers\[\d+\]\.lifecycle", Fate.LEFT, "pods are drained as this stack does it"),
    _rule(
        r"spec\.volumes\[\d+\]|volumeMounts\[\d+\]",
        Fate.LEFT,
        "a pod has /dev/shm, as large as the plan says, and what it writes to; no other volume",
    ),
    _rule(
        r"(?:initContainers|containers)\[\d+\]",
        Fate.LEFT,
        "a pod has the containers of this stack and no others",
    ),
    _rule(
        "nodeSelector|tolerations|affinity|topologySpreadConstraints|runtimeClassName|schedulerName|priorityClassName",
        Fate.DERIVED,
        "the plan: pods go to the pool of their model",
    ),
    _rule(
        "serviceAccountName|serviceAccount",
        Fate.LEFT,
        "the pods run under a service account of this stack",
        "give its identity the rights that this one has",
    ),
    _rule(
        "imagePullSecrets",
        Fate.LEFT,
        "the nodes' identity pulls images",
        "let it pull from your registry, or set images.registry",
    ),
    # Deployments and Compose
    _rule(
        r"spec\.(?:selector|strategy|revisionHistoryLimit|progressDeadlineSeconds|minReadySeconds|updateStrategy|podManagementPolicy)",
        Fate.DERIVED,
        "KubeRay, which upgrades a service",
    ),
    _rule(r"services\.[^.]+", Fate.LEFT, "nothing in an environment says this of a service"),
)
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - of a pod
SIZED = "the plan, which sizes /dev/shm"
OTHERWISE = "nothing in an environment says this"


def tell_shared_memory(keys: Keys, pod: Mapping[str, Any], path: str) -> None:
    """Say of what a pod mounts at /dev/shm that this stack mounts it, too."""
    for index, container in mappings(pod, "containers"):
        for place, mount in mappings(container, "volumeMounts"):
            if mount.get("mountPath") != SHARED_MEMORY:
                continue
            keys.derive(joined(path, "containers", index, "volumeMounts", place), SIZED)
            for number, volume in mappings(pod, "volumes"):
                if volume.get("name") == mount.get("name"):
                    keys.derive(joined(path, "volumes", number), SIZED)


def tell_the_rest(keys: Keys) -> None:
    """Say what becomes of every key that nobody has told of: one word for all that a rule speaks of."""
    for path in [*keys.untold]:
        if path not in set(keys.untold):
            continue
        for rule in RULES:
            if match := rule.path.match(path):
                _tell(keys, match.group(), rule)
                break
        else:
            keys.leave(path, OTHERWISE)


def _tell(keys: Keys, path: str, rule: Rule) -> None:
    if rule.fate is Fate.DERIVED:
        keys.derive(path, rule.what)
    else:
        keys.leave(path, rule.what, remedy=rule.remedy)
