"""What is sent for every kind of model, held against the KubeRay, the Ray and the vLLM that are pinned."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.engine import check_ray_service
from inference_stack.spec import Finding, Severity
from localcloud.toolchain.pins import BUILD_FLAGS
from tests.engine.definition import refused_by_the_definition
from tests.engine.rules.cases_services import SERVICES
from tests.engine.rules.services import service as kept_service
from tests.engine.vllm_verdicts import vllm_verdicts

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]

Manifests = dict[str, dict[str, Any]]
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def kuberay(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], list[str]]:
    """What KubeRay's own validation says to manifests; empty for what it takes."""
    folder = tmp_path_factory.mktemp("kuberay")
    for pinned in ("go.mod", "go.sum"):
        shutil.copy(PROJECT / "localcloud" / "toolchain" / "go" / "kuberay" / pinned, folder)
    shutil.copy(Path(__file__).with_name("kuberay_verdicts.go"), folder / "main.go")
    # With the flags of the operator itself, so that what was compiled for it is not compiled again.
    subprocess.run(["go", "build", *BUILD_FLAGS, "-o", "verdicts", "."], cwd=folder, check=True)  # noqa: S607

    def ask(manifests: list[dict[str, Any]]) -> list[str]:
        answer = subprocess.run(
            [folder / "verdicts"], input=json.dumps(manifests), check=True, capture_output=True, text=True
        )
        return json.loads(answer.stdout)

    return ask


def test_the_definition_of_kuberay_takes_every_service(manifests: Manifests, ours: list[Any]) -> None:
    sent = [*manifests.values(), *ours]
    assert [refused_by_the_definition(manifest) for manifest in sent] == [[]] * len(sent)


def test_kuberay_takes_every_service(
    kuberay: Callable[[list[dict[str, Any]]], list[str]], manifests: Manifests, ours: list[Any]
) -> None:
    sent = [*manifests.values(), *ours]
    assert kuberay(sent) == [""] * len(sent)


@pytest.mark.parametrize(
    ("change", "said", "path"),
    [
        (
            lambda spec: spec["upgradeStrategy"].update(type="Sometimes"),
            "UpgradeStrategy.Type value Sometimes is invalid",
            "spec.upgradeStrategy.type",
        ),
        (
            lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].update(minReplicas=99),
            "minReplicas 99 greater than maxReplicas",
            "spec.rayClusterConfig.workerGroupSpecs[0].minReplicas",
        ),
        (
            lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0]["rayStartParams"].update(
                {"num-cpus": "0"}
            ),
            "should not be set in both rayStartParams and Resources",
            "spec.rayClusterConfig.workerGroupSpecs[0].rayStartParams.num-cpus",
        ),
        (
            lambda spec: spec.update(serveConfig=""),
            'unknown field "serveConfig"',
            "spec.serveConfig",
        ),
    ],
)
def test_what_kuberay_refuses_is_told_before(
    kuberay: Callable[[list[dict[str, Any]]], list[str]],
    manifests: Manifests,
    change: Callable[[dict[str, Any]], None],
    said: str,
    path: str,
) -> None:
    manifest = manifests["reasoning"]
    change(manifest["spec"])
    (refusal,) = kuberay([manifest])
    assert said in refusal
    assert [finding.path for finding in errors(manifest)] == [path]


JUDGED_BY_KUBERAY = {
    *("service-name", "upgrade-unknown", "initializing-timeout", "replica-bounds"),
    *("resources-said-twice", "labels-misplaced", "restart-policy"),
}
"""Codes of rules that KubeRay checks itself."""


def test_kuberay_refuses_a_service_that_breaks_a_rule_of_its_own_and_takes_one_that_just_keeps_it(
    kuberay: Callable[[list[dict[str, Any]]], list[str]],
) -> None:
    rows = [row for row in SERVICES if row[0] in JUDGED_BY_KUBERAY]
    broken, kept = [kept_service() for _ in rows], [kept_service() for _ in rows]
    for (_, breaks, _, keeps), one, other in zip(rows, broken, kept, strict=True):
        breaks(one)
        keeps(other)
    refused = zip(rows, kuberay(broken), strict=True)
    assert [row[:3:2] for row, said in refused if not said] == []
    taken = zip(rows, kuberay(kept), strict=True)
    assert [(row[0], said) for row, said in taken if said] == []


def errors(manifest: dict[str, Any]) -> list[Finding]:
    """What would be refused of a manifest."""
    return [finding for finding in check_ray_service(manifest) if finding.severity is Severity.ERROR]


def read_by_ray(manifest: dict[str, Any]) -> list[Any]:
    """The configuration of each of its deployments that has replicas, as Ray reads it."""
    from ray.llm._internal.serve.serving_patterns.prefill_decode.builder import PDServingArgs
    from ray.serve.llm import LLMServingArgs
    from ray.serve.schema import ServeDeploySchema

    from serving.app import Arguments

    config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    (application,) = ServeDeploySchema.model_validate(config).applications
    arguments = Arguments.model_validate(application.args).model_dump(exclude={"serving"}, exclude_none=True)
    if "prefill_config" in arguments:
        sides = PDServingArgs.model_validate(arguments)
        return [sides.prefill_config, sides.decode_config]
    return LLMServingArgs.model_validate(arguments).llm_configs


def test_ray_takes_every_configuration(manifests: Manifests, ours: list[Any]) -> None:
    assert all(read_by_ray(manifest) for manifest in ours)
    read = {name: read_by_ray(manifest) for name, manifest in manifests.items()}
    assert {name: len(found) for name, found in read.items()} == dict.fromkeys(manifests, 1) | {
        "reasoning": 2
    }
    assert all(each.get_engine_config().placement_bundles for found in read.values() for each in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda side: side["engine_kwargs"].pop("kv_transfer_config"),
        lambda side: side["model_loading_config"].update(model_id="other"),
        lambda side: side.update(lora_config={"dynamic_lora_loading_path": "s3://x"}),
        lambda side: side["deployment_config"].update(max_ongoing_requests=0),
    ],
    ids=["no transfer", "another name", "adapters on one side", "no requests"],
)
def test_what_ray_refuses_of_a_disaggregated_model_is_told_before(
    manifests: Manifests, change: Callable[[dict[str, Any]], None]
) -> None:
    manifest = manifests["reasoning"]
    config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    change(config["applications"][0]["args"]["decode_config"])
    manifest["spec"]["serveConfigV2"] = yaml.safe_dump(config)
    with pytest.raises(ValueError, match=r"validation error"):
        read_by_ray(manifest)
    assert errors(manifest)


def test_ray_takes_no_executor_but_its_own_on_gpus(manifests: Manifests) -> None:
    (config,) = read_by_ray(manifests["customers"])
    config.engine_kwargs["distributed_executor_backend"] = "mp"
    with pytest.raises(ValueError, match="distributed_executor_backend != 'ray' is not allowed"):
        config.get_engine_config().get_initialization_kwargs()


def asked(config: Any) -> dict[str, float]:
    """What one replica takes of a Ray node, all its workers together."""
    bundles = config.get_engine_config().placement_bundles
    total: dict[str, float] = {"CPU": config.deployment_config["ray_actor_options"]["num_cpus"]}
    for bundle in bundles:
        for name, amount in bundle.items():
            total[name] = total.get(name, 0) + amount
    return total


def offering(manifest: dict[str, Any], wanted: dict[str, float]) -> Iterator[str]:
    """Groups of workers on which a replica would start, as Ray's autoscaler sees them with none running."""
    from ray.autoscaler._private.kuberay.autoscaling_config import (
        _generate_available_node_types_from_ray_cr_spec,
    )

    found = _generate_available_node_types_from_ray_cr_spec(manifest["spec"]["rayClusterConfig"])
    for name, group in found.items():
        if all(group["resources"].get(each, 0) >= amount for each, amount in wanted.items()):
            yield name


def test_every_replica_starts_on_its_own_workers_and_on_no_others(manifests: Manifests) -> None:
    homes = {
        name: [list(offering(manifest, asked(config))) for config in read_by_ray(manifest)]
        for name, manifest in manifests.items()
    }
    assert homes == {
        "copilot": [["mixed"]],
        "code": [["single"]],
        "customers": [["pairs"]],
        "experts": [["eights"]],
        "reasoning": [["gb-prefill"], ["gb-decode"]],
        "house": [["mixed"]],
        "science": [["old"]],
    }


def test_the_memory_of_a_prefix_router_starts_on_the_head_and_nowhere_else(manifests: Manifests) -> None:
    from ray.llm._internal.serve.routing_policies.prefix_aware.prefix_tree import PrefixTreeActor

    # An actor that says nothing takes one CPU to be placed, and none afterwards.
    assert "num_cpus" not in vars(PrefixTreeActor)["_default_options"]
    for name in ("copilot", "reasoning"):
        assert list(offering(manifests[name], {"CPU": 1})) == ["headgroup"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a small model of experts; vLLM reads no weights to judge arguments."""
    folder = tmp_path_factory.mktemp("tiny")
    config = {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "dtype": "bfloat16",
        "hidden_size": 128,
        "intermediate_size": 256,
        "moe_intermediate_size": 64,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "norm_topk_prob": True,
        "num_attention_heads": 8,
        "num_key_value_heads": 8,
        "head_dim": 16,
        "num_hidden_layers": 2,
        "max_position_embeddings": 163840,
        "vocab_size": 264,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_vllm_takes_every_set_of_engine_arguments(manifests: Manifests, checkpoint: Path) -> None:
    sent = {
        tuple(sorted(config.engine_kwargs)): config.engine_kwargs
        for manifest in manifests.values()
        for config in read_by_ray(manifest)
    }
    assert len(sent) == 4, "with adapters, with experts apart, with a KV cache that is handed over, and plain"
    impossible = {"kv_transfer_config": {"kv_connector": "NixlConnector", "kv_role": "sometimes"}}
    *verdicts, refused = vllm_verdicts(
        [{"model": str(checkpoint), **arguments} for arguments in [*sent.values(), impossible]]
    )
    for arguments, verdict in zip(sent.values(), verdicts, strict=True):
        assert verdict == {
            "refused": None,
            "tensor_parallel_size": arguments["tensor_parallel_size"],
            "max_model_len": arguments["max_model_len"],
            "max_num_batched_tokens": arguments["max_num_batched_tokens"],
            "max_num_seqs": arguments["max_num_seqs"],
            "expert_parallel": arguments.get("enable_expert_parallel", False),
            "lora": "enable_lora" in arguments,
            "kv_connector": "NixlConnector" if "kv_transfer_config" in arguments else None,
        }
    assert "kv_role" in refused["refused"]
