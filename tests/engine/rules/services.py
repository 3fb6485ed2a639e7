"""A service that keeps every rule, and what is changed in it."""

from typing import Any

import yaml

from inference_stack.engine.rules.pod import SHARED_MEMORY

from .models import Change, Document, both

IMAGE = "rayproject/ray-llm:2.60.0-py312-cu130"
OUR_IMAGE = "acme.azurecr.io/serving:2.60.0-vllm0.29.0-4c4e1d4c4e1d"
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


def head_pod(**keys: Any) -> Change:
    return lambda manifest: pod_of(manifest["spec"]["rayClusterConfig"]["headGroupSpec"]).update(keys)


def records(volume: Document) -> Change:
    """What the GCS of the head writes down, on such a volume."""
    mounts = [{"name": "gcs", "mountPath": "/var/lib/gcs"}]
    return both(
        head_container(env=RECORDS, volumeMounts=mounts), head_pod(volumes=[{"name": "gcs", **volume}])
    )


def gpus(amount: str, kind: str = "nvidia.com/gpu") -> Document:
    return {"resources": {"limits": {kind: amount}}}


STRICT = {"bundle_per_worker": {"GPU": 1}, "strategy": "STRICT_PACK"}
STEPS = {"gatewayClassName": "istio", "stepSizePercent": 10, "intervalSeconds": 5}
SLICE = "nvidia.com/mig-3g.47gb"
MEMORY = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
MOUNT = [{"name": "shm", "mountPath": SHARED_MEMORY}]
RECORDS = [
    {"name": "RAY_gcs_storage", "value": "rocksdb"},
    {"name": "RAY_gcs_storage_path", "value": "/var/lib/gcs"},
]
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


def ours(manifest: Document) -> None:
    """Our application, of the same models."""
    config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    config["applications"][0]["import_path"] = "serving.app:build"
    manifest["spec"]["serveConfigV2"] = yaml.safe_dump(config)


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
