"""KubeRay's own samples, linted whole: what is told of them, and why it is true."""

from random import Random

import pytest

from inference_stack.lint.linting import lint
from serving.pinned_schemas import kuberay_module

from .mutating import mutated, read

pytestmark = pytest.mark.e2e

SCALED_BY_GPU = {
    # Nothing says how a change of pods is rolled out, so that NewCluster does it, and the workers hold GPUs.
    ("upgrade-doubles-gpus", "spec.upgradeStrategy.type"),
}
PAIRED = {
    # They run Ray 2.52, with the vLLM of its time; the linter judges by 0.29.0.
    ("pair-untested", "spec.rayClusterConfig.headGroupSpec.template.spec.containers[0].image"),
}
MODEL = "spec.serveConfigV2.applications[0].args.llm_configs[0]"

EXPLAINED = {
    # A group's resources offer Ray a GPU, and its pod asks Kubernetes for none.
    "ray-cluster-label-selector.yaml": {
        ("gpu-limit-missing", "spec.workerGroupSpecs[1].template.spec.containers[0].resources.limits"),
    },
    # All training happens on the head of these three: fine for a job, and told all the same.
    "ray-cluster.verl.yaml": {
        ("head-with-gpus", "spec.headGroupSpec.template.spec.containers[0].resources.limits.nvidia.com/gpu"),
    },
    "ray-job.batch-inference.yaml": {
        (
            "head-with-gpus",
            "spec.rayClusterSpec.headGroupSpec.template.spec.containers[0].resources.limits.nvidia.com/gpu",
        ),
    },
    "ray-job.pytorch-distributed-training.yaml": {
        (
            "head-with-gpus",
            "spec.rayClusterSpec.headGroupSpec.template.spec.containers[0].resources.limits.nvidia.com/gpu",
        ),
    },
    # It shows a feature that an operator has to be told to have.
    "ray-service.incremental-upgrade.yaml": {("upgrade-behind-gate", "spec.upgradeStrategy.type")},
    # It sets the replicas that it scales between, not what a replica takes, nor how long it may load.
    "ray-service.deepseek.yaml": SCALED_BY_GPU
    | PAIRED
    | {
        ("request-limit-unset", f"{MODEL}.deployment_config.max_ongoing_requests"),
        ("queue-unbounded", f"{MODEL}.deployment_config.max_queued_requests"),
        ("start-budget-unsaid", f"{MODEL}.runtime_env.env_vars.VLLM_ENGINE_READY_TIMEOUT_S"),
    },
    # `device: auto` was an argument until 0.9.2. The rest it leaves to Ray Serve, which counts requests.
    "ray-service.llm-serve.yaml": SCALED_BY_GPU
    | PAIRED
    | {
        ("unknown-removed-argument", f"{MODEL}.engine_kwargs.device"),
        ("queue-unbounded", f"{MODEL}.deployment_config.max_queued_requests"),
        ("start-budget-unsaid", f"{MODEL}.runtime_env.env_vars.VLLM_ENGINE_READY_TIMEOUT_S"),
        ("scaling-blind-to-tokens", f"{MODEL}.deployment_config.autoscaling_config.policy"),
    },
    "ray-service.stable-diffusion.yaml": SCALED_BY_GPU,
    "ray-service.text-summarizer.yaml": SCALED_BY_GPU,
}


def test_each_finding_in_the_samples_of_kuberay_is_explained():
    linted = lint([str(kuberay_module() / "config" / "samples")])
    told: dict[str, set[tuple[str, str]]] = {}
    for found in linted.found:
        name = found.source.name.rsplit("/", 1)[-1]
        told.setdefault(name, set()).add((found.finding.code, found.finding.path))
    assert told == EXPLAINED
    assert linted.files >= 70


def test_every_finding_in_the_samples_stands_on_a_line():
    linted = lint([str(kuberay_module() / "config" / "samples")])
    assert all(found.place and found.finding.line == found.place.line for found in linted.found)


def test_samples_that_were_mutated_are_no_crash():
    samples = sorted((kuberay_module() / "config" / "samples").rglob("*.yaml"))
    random = Random(1)  # noqa: S311 - no secret
    for sample in samples:
        for _ in range(5):
            read(sample.name, mutated(sample.read_bytes(), random))
