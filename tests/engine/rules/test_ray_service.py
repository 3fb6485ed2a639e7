"""Rules on clusters, services and pods: for each a case that breaks it and one that just keeps it."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from inference_stack.engine import check_ray_service, pod_findings, ray_cluster_findings
from inference_stack.engine.rules.pod import SHARED_MEMORY, pod_rules
from inference_stack.engine.rules.ray_cluster import cluster_rules
from inference_stack.engine.rules.ray_service import service_rules
from inference_stack.engine.rules.service_placement import service_placement_rules

Document = dict[str, Any]
Change = Callable[[Document], object]

IMAGE = "rayproject/ray-llm:2.60.0-py312-cu130"
CLUSTER = "spec.rayClusterConfig"
GROUP = f"{CLUSTER}.workerGroupSpecs[0]"
CONTAINER = f"{GROUP}.template.spec.containers[0]"
HEAD = f"{CLUSTER}.headGroupSpec"
MODEL = "spec.serveConfigV2.applications[0].args.llm_configs[0]"
TIMEOUT = "ray.io/initializing-timeout"


def service() -> Document:
    """A service that keeps every rule, on whole GPUs."""
    container = {
        "name": "ray-worker",
        "image": IMAGE,
        "resources": {"limits": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"}},
    }
    group = {
        "groupName": "gpus",
        "minReplicas": 0,
        "maxReplicas": 4,
        "resources": {"CPU": "8", "GPU": "2", "accelerator_type:H100": "1"},
        "template": {"spec": {"containers": [container]}},
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "copilot", "annotations": {TIMEOUT: "90m"}},
        "spec": {
            "serveConfigV2": serve(),
            "upgradeStrategy": {"type": "None"},
            "rayClusterConfig": {
                "rayVersion": "2.60.0",
                "enableInTreeAutoscaling": True,
                "autoscalerOptions": {"version": "v2"},
                "headGroupSpec": {
                    "rayStartParams": {"num-cpus": "2"},
                    "template": {"spec": {"containers": [{"name": "ray-head", "image": IMAGE}]}},
                },
                "workerGroupSpecs": [group],
            },
        },
    }


def config() -> Document:
    options = {
        "autoscaling_config": {
            "min_replicas": 1,
            "max_replicas": 8,
            "target_ongoing_requests": 6,
            "policy": {"policy_function": "ours:policy"},
        },
        "max_ongoing_requests": 8,
        "max_queued_requests": 100,
    }
    return {
        "model_loading_config": {"model_id": "copilot", "model_source": "Qwen/Qwen2.5-7B-Instruct"},
        "accelerator_type": "H100",
        "engine_kwargs": {"tensor_parallel_size": 1},
        "deployment_config": options,
        "runtime_env": {
            "env_vars": {"RAYLLM_ENGINE_START_TIMEOUT_S": "900", "VLLM_ENGINE_READY_TIMEOUT_S": "900"}
        },
    }


def serve(*changes: Change) -> str:
    model = config()
    for change in changes:
        change(model)
    application = {"import_path": "ray.serve.llm:build_openai_app", "args": {"llm_configs": [model]}}
    return yaml.safe_dump({"applications": [application]})


def model(*changes: Change) -> Change:
    return lambda manifest: manifest["spec"].update(serveConfigV2=serve(*changes))


def engine(**arguments: Any) -> Change:
    return model(lambda config: config["engine_kwargs"].update(arguments))


def said(**keys: Any) -> Change:
    return model(lambda config: config.update(keys))


def most(replicas: int) -> Change:
    return model(
        lambda config: config["deployment_config"]["autoscaling_config"].update(max_replicas=replicas)
    )


def least(replicas: int, **variables: str) -> Change:
    def change(config: Document) -> None:
        config["deployment_config"]["autoscaling_config"]["min_replicas"] = replicas
        config["runtime_env"]["env_vars"].update(variables)

    return model(change)


def spec(**keys: Any) -> Change:
    return lambda manifest: manifest["spec"].update(keys)


def named(name: str) -> Change:
    return lambda manifest: manifest["metadata"].update(name=name)


def timeout(text: str) -> Change:
    return lambda manifest: manifest["metadata"]["annotations"].update({TIMEOUT: text})


def cluster(**keys: Any) -> Change:
    return lambda manifest: manifest["spec"]["rayClusterConfig"].update(keys)


def group(**keys: Any) -> Change:
    return lambda manifest: manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0].update(keys)


def head(**keys: Any) -> Change:
    return lambda manifest: manifest["spec"]["rayClusterConfig"]["headGroupSpec"].update(keys)


def pod_of(group: Document) -> Document:
    return group["template"]["spec"]


def pod(**keys: Any) -> Change:
    return lambda manifest: pod_of(manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]).update(keys)


def container(**keys: Any) -> Change:
    def change(manifest: Document) -> None:
        pod_of(manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0])["containers"][0].update(keys)

    return change


def head_container(**keys: Any) -> Change:
    def change(manifest: Document) -> None:
        pod_of(manifest["spec"]["rayClusterConfig"]["headGroupSpec"])["containers"][0].update(keys)

    return change


def gpus(amount: str, kind: str = "nvidia.com/gpu") -> Document:
    return {"resources": {"limits": {kind: amount}}}


def both(*changes: Change) -> Change:
    return lambda manifest: [change(manifest) for change in changes]


STRICT = {"bundle_per_worker": {"GPU": 1}, "strategy": "STRICT_PACK"}
STEPS = {"gatewayClassName": "istio", "stepSizePercent": 10, "intervalSeconds": 5}
SLICE = "nvidia.com/mig-3g.47gb"
MEMORY = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
MOUNT = [{"name": "shm", "mountPath": SHARED_MEMORY}]
OFFER = {"CPU": "8", "GPU": "2", "accelerator_type:H100": "1"}


def incremental(**options: Any) -> Change:
    return spec(
        upgradeStrategy={"type": "NewClusterWithIncrementalUpgrade", "clusterUpgradeOptions": STEPS | options}
    )


def streamed(*further: str) -> Change:
    """Replicas that answer clients themselves."""
    names = ("RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING", *further)
    return head_container(env=[{"name": name, "value": "1"} for name in names])


def arguments(change: Change) -> Change:
    def edit(manifest: Document) -> None:
        config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
        change(config["applications"][0]["args"])
        manifest["spec"]["serveConfigV2"] = yaml.safe_dump(config)

    return edit


def ingress(**options: Any) -> Change:
    return arguments(lambda given: given.update(ingress_deployment_config=options))


def second(given: Document) -> None:
    other = given["llm_configs"][0] | {"model_loading_config": {"model_id": "other"}}
    given["llm_configs"].append(other)


again = arguments(second)
STREAMED = streamed()
ADAPTED = model(
    lambda config: config.update(
        lora_config={"dynamic_lora_loading_path": "s3://adapters"}, engine_kwargs={"enable_lora": True}
    )
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


def codes(findings: Any) -> set[tuple[str, str]]:
    return {(finding.code, finding.path) for finding in findings}


def test_a_service_that_keeps_every_rule_is_found_without_fault():
    assert check_ray_service(service()) == []


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), SERVICES, ids=[f"{row[0]} {row[2]}" for row in SERVICES]
)
def test_a_service_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    broken, kept = service(), service()
    breaks(broken)
    keeps(kept)
    assert (code, path) in codes(check_ray_service(broken))
    assert code not in {found for found, _ in codes(check_ray_service(kept))}


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), PODS, ids=[f"{row[0]} {row[2]}" for row in PODS]
)
def test_a_pod_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(code, breaks, path, keeps):
    assert (code, path) in codes(pod_findings(breaks))
    assert code not in {found for found, _ in codes(pod_findings(keeps))}


def test_every_rule_on_services_clusters_and_pods_has_its_cases():
    tried = {row[0] for row in (*SERVICES, *PODS)}
    rules = (*service_rules, *service_placement_rules, *cluster_rules, *pod_rules)
    assert tried == {rule.code for rule in rules}


@pytest.mark.parametrize(
    ("change", "engine", "code", "path"),
    [
        (both(), "0.33.0", "pair-breaks", f"{HEAD}.template.spec.containers[0].image"),
        (
            both(
                head_container(image=IMAGE.replace("2.60.0", "2.55.1")),
                container(image=IMAGE.replace("2.60.0", "2.55.1")),
                cluster(rayVersion="2.55.1"),
            ),
            "0.29.0",
            "pair-untested",
            f"{HEAD}.template.spec.containers[0].image",
        ),
        (
            both(head_container(image="ours"), container(image="ours")),
            "0.33.0",
            "pair-breaks",
            f"{CLUSTER}.rayVersion",
        ),
    ],
    ids=["breaks", "untested", "by rayVersion"],
)
def test_a_pair_of_ray_and_vllm_that_is_not_known_to_work_is_told(change, engine, code, path):
    manifest = service()
    change(manifest)
    assert codes(check_ray_service(manifest, engine=engine)) == {(code, path)}


def test_the_cluster_of_any_resource_is_judged_alone_and_by_its_own_path():
    manifest = service()
    group(minReplicas=5, groupname="x")(manifest)
    spec = manifest["spec"]["rayClusterConfig"]
    assert codes(ray_cluster_findings(spec, "spec.rayClusterSpec")) == {
        ("unknown-key", "spec.rayClusterSpec.workerGroupSpecs[0].groupname"),
        ("replica-bounds", "spec.rayClusterSpec.workerGroupSpecs[0].minReplicas"),
    }
    assert codes(ray_cluster_findings(spec)) == {
        ("unknown-key", "workerGroupSpecs[0].groupname"),
        ("replica-bounds", "workerGroupSpecs[0].minReplicas"),
    }


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, float("nan"), [[]], [{}], {"a": 1}])
def test_a_service_with_anything_anywhere_is_no_crash(value):
    def each(document: Any) -> Any:
        entries = document.items() if isinstance(document, dict) else enumerate(document)
        for key, inner in list(entries):
            document[key] = value
            check_ray_service(manifest)
            document[key] = inner
            if isinstance(inner, dict | list):
                each(inner)

    manifest = service()
    each(manifest)
    assert manifest == service()
