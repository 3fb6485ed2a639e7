"""Rules on clusters, services and pods: for each a case that breaks it and one that just keeps it."""

from .models import Change, Document, both
from .services import (
    ADAPTED,
    CLUSTER,
    CONTAINER,
    GROUP,
    HEAD,
    MEMORY,
    MODEL,
    MOUNT,
    OFFER,
    OUR_IMAGE,
    RECORDS,
    SLICE,
    STREAMED,
    STRICT,
    TIMEOUT,
    again,
    cluster,
    container,
    engine,
    gpus,
    group,
    head,
    head_container,
    head_pod,
    incremental,
    ingress,
    least,
    model,
    most,
    named,
    ours,
    pod,
    records,
    said,
    spec,
    streamed,
    timeout,
)

SERVICES: list[tuple[str, Change, str, Change]] = [
    ("service-name", named("a" * 48), "metadata.name", named("a" * 47)),
    (
        "upgrade-unknown",
        spec(upgradeStrategy={"type": "Recreate"}),
        "spec.upgradeStrategy.type",
        incremental(),
    ),
    (
        "upgrade-behind-gate",
        incremental(),
        "spec.upgradeStrategy.type",
        spec(upgradeStrategy={"type": "NewCluster"}),
    ),
    (
        "upgrade-incomplete",
        spec(upgradeStrategy={"type": "NewClusterWithIncrementalUpgrade"}),
        "spec.upgradeStrategy.clusterUpgradeOptions",
        incremental(maxSurgePercent=50),
    ),
    (
        "upgrade-incomplete",
        both(incremental(), cluster(enableInTreeAutoscaling=False)),
        f"{CLUSTER}.enableInTreeAutoscaling",
        incremental(),
    ),
    (
        "upgrade-doubles-gpus",
        spec(upgradeStrategy={}),
        "spec.upgradeStrategy.type",
        spec(upgradeStrategy={"type": "None"}),
    ),
    ("initializing-timeout", timeout("soon"), f"metadata.annotations.{TIMEOUT}", timeout("1h30m")),
    ("initializing-timeout", timeout("0"), f"metadata.annotations.{TIMEOUT}", timeout("5400")),
    (
        "initializing-timeout-short",
        timeout("14m59s"),
        f"metadata.annotations.{TIMEOUT}",
        both(timeout("15m"), least(1)),
    ),
    (
        "initializing-timeout-short",
        both(
            timeout("20m"), least(1, RAYLLM_ENGINE_START_TIMEOUT_S="1800", VLLM_ENGINE_READY_TIMEOUT_S="1800")
        ),
        f"metadata.annotations.{TIMEOUT}",
        both(timeout("1s"), least(0)),
    ),
    (
        "threshold-ignored",
        spec(serviceUnhealthySecondThreshold=900),
        "spec.serviceUnhealthySecondThreshold",
        spec(rayClusterDeletionDelaySeconds=60),
    ),
    (
        "direct-streaming-refused",
        both(STREAMED, ingress(ray_actor_options={"num_cpus": 0})),
        "spec.serveConfigV2.applications[0].args.ingress_deployment_config",
        both(ingress(ray_actor_options={"num_cpus": 0})),
    ),
    (
        "direct-streaming-refused",
        both(STREAMED, ADAPTED),
        f"{MODEL}.lora_config",
        both(streamed("RAY_SERVE_INGRESS_REQUEST_ROUTER_FORWARD_BODY"), ADAPTED),
    ),
    (
        "direct-streaming-refused",
        both(STREAMED, again),
        "spec.serveConfigV2.applications[0].args.llm_configs",
        STREAMED,
    ),
    (
        "application-not-in-image",
        both(ours, head_container(image=OUR_IMAGE)),
        f"{CONTAINER}.image",
        both(ours, head_container(image=OUR_IMAGE), container(image=OUR_IMAGE)),
    ),
    (
        "application-not-in-image",
        both(ours, container(image=OUR_IMAGE)),
        f"{HEAD}.template.spec.containers[0].image",
        container(image=OUR_IMAGE),
    ),
    (
        "nowhere-to-run",
        group(resources=OFFER | {"accelerator_type:H100": "0"}),
        f"{MODEL}.accelerator_type",
        both(group(resources={}, minReplicas=1), container(**gpus("2"))),
    ),
    (
        "nowhere-to-run",
        group(resources={}),
        f"{MODEL}.accelerator_type",
        both(group(resources={}), cluster(enableInTreeAutoscaling=False), group(replicas=4)),
    ),
    (
        "nowhere-to-run",
        said(placement_group_config={"bundle_per_worker": {"GPU": 1, "ours": 0.001}}),
        f"{MODEL}.placement_group_config",
        both(
            said(placement_group_config={"bundle_per_worker": {"GPU": 1, "ours": 0.001}}),
            group(resources=OFFER | {"ours": "1"}),
        ),
    ),
    (
        "nowhere-to-run",
        both(group(resources=OFFER | {"CPU": "0"}), head(rayStartParams={"num-cpus": "0"})),
        f"{MODEL}.deployment_config.ray_actor_options",
        both(
            group(resources=OFFER | {"CPU": "0"}),
            model(lambda config: config["deployment_config"].update(ray_actor_options={"num_cpus": 0})),
        ),
    ),
    (
        "nowhere-to-run",
        both(group(resources={}, rayStartParams={"resources": '"{\\"accelerator_type:A100\\": 1}"'})),
        f"{MODEL}.accelerator_type",
        both(group(resources={}, rayStartParams={"resources": '"{\\"accelerator_type:H100\\": 1}"'})),
    ),
    (
        "bundles-beyond-pod",
        model(
            lambda config: config.update(
                engine_kwargs={"tensor_parallel_size": 4}, placement_group_config=STRICT
            )
        ),
        f"{MODEL}.placement_group_config.strategy",
        model(
            lambda config: config.update(
                engine_kwargs={"tensor_parallel_size": 2}, placement_group_config=STRICT
            )
        ),
    ),
    (
        "tensor-parallel-across-pods",
        engine(tensor_parallel_size=4),
        f"{MODEL}.engine_kwargs.tensor_parallel_size",
        engine(tensor_parallel_size=2, pipeline_parallel_size=2),
    ),
    (
        "autoscaling-off",
        cluster(enableInTreeAutoscaling=False),
        f"{CLUSTER}.enableInTreeAutoscaling",
        both(cluster(enableInTreeAutoscaling=False), group(replicas=4)),
    ),
    (
        "replicas-beyond-groups",
        most(9),
        f"{MODEL}.deployment_config.autoscaling_config.max_replicas",
        most(8),
    ),
    ("replica-bounds", group(minReplicas=5), f"{GROUP}.minReplicas", group(minReplicas=4)),
    (
        "resources-said-twice",
        group(rayStartParams={"num-gpus": "2"}),
        f"{GROUP}.rayStartParams.num-gpus",
        group(rayStartParams={"block": "true"}),
    ),
    (
        "labels-misplaced",
        head(rayStartParams={"num-cpus": "2", "labels": "a=b"}),
        f"{HEAD}.rayStartParams.labels",
        head(labels={"a": "b"}),
    ),
    (
        "restart-policy",
        pod(restartPolicy="Always"),
        f"{GROUP}.template.spec.restartPolicy",
        both(pod(restartPolicy="Always"), cluster(autoscalerOptions={"version": "v1"})),
    ),
    (
        "head-records-lost",
        head_container(env=RECORDS),
        f"{HEAD}.template.spec.containers[0].env",
        both(head_container(env=RECORDS), cluster(autoscalerOptions={})),
    ),
    (
        "head-records-lost",
        both(records({"emptyDir": {}}), cluster(autoscalerOptions={}), head_pod(restartPolicy="Never")),
        f"{HEAD}.template.spec.containers[0].env",
        records({"persistentVolumeClaim": {"claimName": "gcs"}}),
    ),
    (
        "gpus-overstated",
        group(resources=OFFER | {"GPU": "3"}),
        f"{GROUP}.resources.GPU",
        group(resources=OFFER),
    ),
    (
        "gpus-understated",
        both(group(resources={}, rayStartParams={"num-gpus": "1"})),
        f"{GROUP}.rayStartParams.num-gpus",
        both(group(resources={}, rayStartParams={"num-gpus": "2"})),
    ),
    (
        "gpu-limit-missing",
        container(resources={}),
        f"{CONTAINER}.resources.limits",
        container(**gpus("2", SLICE)),
    ),
    (
        "head-with-gpus",
        head_container(**gpus("1")),
        f"{HEAD}.template.spec.containers[0].resources.limits.nvidia.com/gpu",
        head_container(**gpus("0")),
    ),
    (
        "slices-unseen",
        both(container(**gpus("2", SLICE)), group(resources={})),
        f"{GROUP}.resources.GPU",
        both(container(**gpus("2", SLICE)), group(resources={}, minReplicas=4)),
    ),
    (
        "ray-images-differ",
        container(image="acme.azurecr.io/rayproject/ray-llm:2.55.1-py312-cu130"),
        f"{CONTAINER}.image",
        container(image="acme.azurecr.io/serving@sha256:0"),
    ),
    (
        "ray-images-differ",
        container(image="acme.azurecr.io/serving:2.55.1-vllm0.29.0-4c4e1d4c4e1d"),
        f"{CONTAINER}.image",
        container(image="acme.azurecr.io/serving:2.60.0-vllm0.29.0-4c4e1d4c4e1d"),
    ),
    (
        "ray-version-differs",
        cluster(rayVersion="2.55.1"),
        f"{CLUSTER}.rayVersion",
        cluster(rayVersion="2.60.0"),
    ),
    (
        "shared-memory-missing",
        both(
            group(resources={}, rayStartParams={"plasma-directory": "/data"}),
        ),
        f"{CONTAINER}.volumeMounts",
        both(
            group(resources={}, rayStartParams={"plasma-directory": "/data"}),
            container(volumeMounts=MOUNT),
            pod(volumes=MEMORY),
        ),
    ),
    (
        "shared-memory-missing",
        both(container(volumeMounts=MOUNT), pod(volumes=[{"name": "shm", "emptyDir": {}}])),
        f"{GROUP}.template.spec.volumes[0].emptyDir.medium",
        both(container(volumeMounts=[{"name": "shm", "mountPath": "/data"}]), pod(volumes=MEMORY)),
    ),
    (
        "gpu-request-differs",
        container(resources={"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "1"}}),
        f"{CONTAINER}.resources.requests.nvidia.com/gpu",
        container(resources={"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": 2}}),
    ),
    (
        "secret-in-plain",
        container(env=[{"name": "A", "value": "b"}, {"name": "HF_TOKEN", "value": "hf_x"}]),
        f"{CONTAINER}.env[1].value",
        container(env=[{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}]),
    ),
]

ENGINE = {"name": "vllm", "image": "vllm/vllm-openai:v0.29.0", "args": ["--model", "m"]}
PROBE = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 10}
PODS: list[tuple[str, Document, str, Document]] = [
    (
        "shared-memory-missing",
        {"containers": [ENGINE | gpus("2")]},
        "containers[0].volumeMounts",
        {"containers": [ENGINE | gpus("2") | {"volumeMounts": MOUNT}], "volumes": MEMORY},
    ),
    (
        "probe-shorter-than-load",
        {"containers": [ENGINE | {"livenessProbe": PROBE | {"initialDelaySeconds": 120}}]},
        "containers[0].livenessProbe",
        {"containers": [ENGINE | {"livenessProbe": PROBE, "startupProbe": PROBE | {"failureThreshold": 60}}]},
    ),
    (
        "probe-shorter-than-load",
        {"containers": [ENGINE | {"startupProbe": PROBE | {"failureThreshold": 59}}]},
        "containers[0].startupProbe",
        {"containers": [ENGINE | {"image": "nginx", "livenessProbe": PROBE}]},
    ),
]
