import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan, plan, plan_environment, template_tags
from inference_stack.planner.worker import worker_size
from inference_stack.spec import InvalidEnvironment, load, read

Asked = dict[str, Any]
ROOT = Path(__file__).parents[2]


def planned(asked: Asked) -> Plan:
    return plan_environment(asked, name="test", file="Pulumi.test.yaml")


def told(asked: Asked) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(asked)
    return [(finding.path, finding.code) for finding in raised.value.findings]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_both_environments_of_the_project_plan_without_an_error_or_a_warning(name: str) -> None:
    source = read(ROOT / f"Pulumi.{name}.yaml")
    made = plan_environment(source.data, name=name, file=f"Pulumi.{name}.yaml", text=source.text)
    # A team of developers does not fill a GPU, and is told so.
    allowed = {"gpus-underused"} if name == "dev" else set[str]()
    assert {finding.code for finding in made.findings if finding.severity != "note"} <= allowed


def test_dev_costs_no_gpu_while_nobody_asks() -> None:
    made = plan_environment(read(ROOT / "Pulumi.dev.yaml").data, name="dev", file="Pulumi.dev.yaml")
    assert all(pool.nodes.min == 0 for pool in made.pools)
    assert all(model.replicas_min == 0 for model in made.models)
    assert made.environment.cluster.heads.nodes.min == 0
    assert made.price.idle.gpu_usd_per_hour == 0


def test_prod_serves_six_models_each_on_the_kind_of_gpu_that_it_needs() -> None:
    made = plan_environment(read(ROOT / "Pulumi.prod.yaml").data, name="prod", file="Pulumi.prod.yaml")
    models = {model.name: model for model in made.models}
    assert models["copilot"].adapters == ("legal", "hr", "finance", "engineering")
    assert models["copilot"].engine["max_loras"] == 4
    assert models["copilot"].engine["max_lora_rank"] == 64
    pools = {pool.name: pool for pool in made.pools}
    on = {name: (pools[model.pool].sku, model.units) for name, model in models.items()}
    assert on == {
        "copilot": ("Standard_NC40ads_H100_v5", 1),
        "code": ("Standard_NC40ads_H100_v5", 1),
        "assistant": ("Standard_NC80adis_H100_v5", 2),
        "analyst": ("Standard_ND96isr_H100_v5", 8),
        "reasoner": ("Standard_ND128isr_NDR_GB200_v6", 4),
        "summaries": ("Standard_NC24ads_A100_v4", 1),
    }
    assert [pool.accelerator.resource for pool in made.pools] == ["nvidia.com/mig-3g.47gb"] + 5 * [
        "nvidia.com/gpu"
    ]
    assert [name for name, pool in pools.items() if pool.existing] == ["a100"]
    assert models["reasoner"].prefill is not None
    assert pools["grace"].arch == "arm64"
    for model in made.models:
        assert model.speed is not None
        assert model.slo is not None
        assert model.speed.ttft_ms.value <= model.slo.ttft_ms
        assert model.speed.tpot_ms.value <= model.slo.tpot_ms


def test_a_plan_is_the_same_json_both_ways(asked: Asked) -> None:
    made = planned(asked)
    assert Plan.model_validate_json(made.model_dump_json()) == made
    assert Plan.model_validate(json.loads(made.model_dump_json())) == made


models = st.builds(
    dict,
    source=st.sampled_from(list(CATALOG.models)),
    context_tokens=st.sampled_from([256, 2048, 8192, 32768, 131072]),
    concurrency=st.integers(1, 64),
    replicas=st.builds(dict, max=st.integers(1, 4)),
    placement=st.sampled_from(["auto", {"pool": "slices"}, {"pool": "large"}, {"pool": "large", "gpus": 2}]),
)


@settings(max_examples=40)
@given(st.lists(models, min_size=1, max_size=3))
def test_a_plan_and_its_errors_are_deterministic(asked: list[Asked]) -> None:
    environment = {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "governance": {"licences": sorted({model.licence for model in CATALOG.models.values()})},
        "pools": [
            {
                "name": "slices",
                "sku": "Standard_NC40ads_H100_v5",
                "mig": {"profile": "MIG3g"},
                "nodes": {"max": 3},
            },
            {"name": "large", "sku": "Standard_NC80adis_H100_v5", "nodes": {"max": 3}},
        ],
        "models": [model | {"name": f"m{index}"} for index, model in enumerate(asked)],
    }

    def outcome() -> str:
        try:
            made = planned(environment)
        except InvalidEnvironment as wrong:
            return str(wrong)
        assert Plan.model_validate_json(made.model_dump_json()) == made
        return made.model_dump_json()

    assert outcome() == outcome()


def test_plan_takes_an_environment_that_was_loaded(asked: Asked) -> None:
    environment = load(asked, file="Pulumi.test.yaml")
    assert plan(environment, "test") == planned(asked)


def test_plan_refuses_what_the_catalog_forbids(asked: Asked) -> None:
    asked["models"][0]["source"] = "google/gemma-2-2b-it"
    with pytest.raises(InvalidEnvironment, match="licence"):
        plan(load(asked, file="Pulumi.test.yaml"), "test")


def test_engine_arguments_are_derived_and_joined_with_those_of_the_user(asked: Asked) -> None:
    asked["models"][0] |= {
        "concurrency": 3,
        "adapters": [{"name": "hr", "rank": 8}, {"name": "legal", "rank": 64}],
        "engine": {"enable_prefix_caching": True},
    }
    assert planned(asked).models[0].engine == {
        "enable_lora": True,
        "enable_prefix_caching": True,
        "gpu_memory_utilization": 0.92,
        "max_lora_rank": 64,
        "max_loras": 2,
        "max_model_len": 8192,
        "max_num_batched_tokens": 2048,
        "max_num_seqs": 3,
        "tensor_parallel_size": 1,
    }


@pytest.mark.parametrize(
    ("engine", "code"),
    [
        ({"max_model_len": 4096}, "engine-argument-derived"),
        ({"gpu_memory_utilization": 0.5}, "engine-argument-derived"),
        ({"enable_lora": False}, "engine-argument-derived"),
        ({"speculative_config": {"method": "ngram"}}, "engine-argument-not-planned"),
        ({"quantization": "awq"}, "engine-value-not-planned"),
        ({"kv_cache_dtype": "nvfp4"}, "engine-value-not-planned"),
        ({"dtype": "float32"}, "engine-value-not-planned"),
        ({"max_num_batched_tokens": 4}, "engine-value-out-of-range"),
        ({"max_num_batched_tokens": "2k"}, "engine-value-out-of-range"),
        ({"max_num_partial_batches": 2}, "unknown-argument"),
        ({"swap_space": 4}, "unknown-removed-argument"),
        ({"distributed_executor_backend": "mp"}, "engine-argument-set-by-ray"),
        ({"disable_log_stats": True}, "log-stats-needed"),
    ],
)
def test_an_engine_argument_that_is_not_the_users_to_set_is_refused(
    asked: Asked, engine: Asked, code: str
) -> None:
    asked["models"][0]["engine"] = engine
    assert told(asked) == [(f"models[0].engine.{next(iter(engine))}", code)]


def test_an_engine_argument_without_effect_is_told_and_forbids_nothing(asked: Asked) -> None:
    asked["models"][0]["engine"] = {"uvicorn_log_level": "error"}
    found = {(finding.path, finding.code) for finding in planned(asked).findings}
    assert ("models[0].engine.uvicorn_log_level", "engine-argument-without-effect") in found


def test_a_derived_argument_does_not_hide_that_the_model_does_not_fit(asked: Asked) -> None:
    asked["models"][0] |= {"source": "Qwen/Qwen3-32B", "engine": {"max_model_len": 4096}}
    assert set(told(asked)) == {
        ("models[0].engine.max_model_len", "engine-argument-derived"),
        ("models[0].source", "model-does-not-fit"),
    }


def test_the_quantization_in_which_a_model_is_published_may_be_named(asked: Asked) -> None:
    asked["models"][0] |= {"source": "openai/gpt-oss-20b", "engine": {"quantization": "mxfp4"}}
    made = planned(asked).models[0]
    assert made.memory.weights_gib == pytest.approx(13.47, abs=0.1)  # as public start-up logs say
    assert made.engine["quantization"] == "mxfp4"


def test_a_larger_engine_step_takes_more_memory(asked: Asked) -> None:
    before = planned(asked).models[0].memory
    asked["models"][0]["engine"] = {"max_num_batched_tokens": 16384}
    assert planned(asked).models[0].memory.overhead_gib > before.overhead_gib


def test_a_price_over_the_budget_is_refused_and_one_within_it_is_not(asked: Asked) -> None:
    # 2 × 6.98 + 3 × 0.226 + 3 × 0.452
    asked["budget"] = {"usd_per_hour": 15.99}
    assert told(asked) == [("budget.usd_per_hour", "over-budget")]
    asked["budget"] = {"usd_per_hour": 16.0}
    assert planned(asked).price.peak_usd_per_hour == 15.994


def test_a_size_without_a_price_is_named_and_not_guessed(asked: Asked) -> None:
    asked["pools"] = [{"name": "slices", "sku": "Standard_ND128isr_GB300_v6", "nodes": {"max": 1}}]
    asked |= {"budget": {"usd_per_hour": 100}, "images": {"arm64": True}}
    made = planned(asked)
    assert made.price.unpriced == ("Standard_ND128isr_GB300_v6",)
    assert ("price-unknown", "warning") in {(each.code, each.severity.value) for each in made.findings}


def test_a_pool_on_arm64_wants_an_image_for_it(asked: Asked) -> None:
    asked["pools"] = [{"name": "slices", "sku": "Standard_ND128isr_GB300_v6", "nodes": {"max": 1}}]
    assert ("pools[0].sku", "image-not-arm64") in told(asked)
    asked["images"] = {"arm64": True}
    assert planned(asked).pools


def test_prices_and_memory_that_nobody_confirmed_are_noted(asked: Asked) -> None:
    asked["pools"] = [{"name": "slices", "sku": "Standard_NC40ads_H100_v5", "nodes": {"max": 1}}]
    codes = {finding.code for finding in planned(asked).findings}
    assert {"price-unverified", "memory-unverified"} <= codes


def test_findings_of_a_plan_have_lines_where_the_text_is_given() -> None:
    source = read(ROOT / "Pulumi.prod.yaml")
    made = plan_environment(source.data, name="prod", file="Pulumi.prod.yaml", text=source.text)
    assert all(finding.line for finding in made.findings)


@pytest.mark.parametrize(
    ("mig", "tags"),
    [
        (None, {"gpu": "1"}),
        ({"profile": "MIG2g"}, {"gpu": "3"}),
        ({"profile": "MIG2g", "strategy": "mixed"}, {"mig-2g.24gb": "3", "gpu": "0"}),
    ],
)
def test_the_autoscaler_is_told_what_the_device_plugin_will_offer(
    asked: Asked, mig: Asked | None, tags: dict[str, str]
) -> None:
    asked["pools"][0]["mig"] = mig
    prefix = "k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_"
    found = template_tags(planned(asked).pools[0].accelerator)
    assert found == {prefix + name: count for name, count in tags.items()}


@pytest.mark.parametrize("sku", [sku for sku in CATALOG.skus.values() if sku.gpu], ids=lambda sku: sku.name)
def test_as_many_workers_as_a_node_has_units_fit_beside_what_aks_keeps_back(sku: Any) -> None:
    reserved = CATALOG.reserved(sku)
    for per_node in {sku.gpus, *(sku.gpus * row.per_gpu for row in CATALOG.profiles(sku.name))}:
        size = worker_size(sku, per_node, 1, CATALOG)
        assert per_node * size.cpu <= sku.vcpu - reserved.cpu_millicores / 1000 - 1
        assert per_node * size.memory_gib <= sku.memory_gib * 0.97 - reserved.memory_gib - 2
        assert 1 <= size.shm_gib <= size.memory_gib
        whole = worker_size(sku, per_node, per_node, CATALOG)
        assert (whole.cpu, whole.memory_gib) == (per_node * size.cpu, per_node * size.memory_gib)


def test_what_the_engine_does_with_derived_arguments_is_told_where_they_come_from(asked: Asked) -> None:
    asked["models"][0] |= {
        "source": "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
        "placement": {"pool": "eights", "gpus": 8},
        "engine": {"enforce_eager": True},
    }
    asked["pools"] = [{"name": "eights", "sku": "Standard_ND96isr_H100_v5", "nodes": {"max": 4}}]
    found = {(finding.code, finding.path) for finding in planned(asked).findings}
    assert ("ranks-beyond-kv-heads", "models[0].placement.gpus") in found
    assert ("eager-on-gpu", "models[0].engine.enforce_eager") in found
