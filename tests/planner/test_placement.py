from typing import Any

import pytest

from inference_stack.planner import Plan, plan_environment
from inference_stack.spec import InvalidEnvironment

Asked = dict[str, Any]
LARGE = {"name": "large", "sku": "Standard_NC80adis_H100_v5", "nodes": {"max": 2}}


def planned(asked: Asked) -> Plan:
    return plan_environment(asked, name="test", file="Pulumi.test.yaml")


def told(asked: Asked) -> dict[str, tuple[str, str | None]]:
    with pytest.raises(InvalidEnvironment) as raised:
        planned(asked)
    return {finding.path: (finding.code, finding.allowed) for finding in raised.value.findings}


def first_model(asked: Asked) -> Asked:
    return asked["models"][0]


def test_a_pinned_model_runs_where_it_is_pinned(asked: Asked) -> None:
    asked["pools"].append(LARGE)
    first_model(asked)["placement"] = {"pool": "large", "gpus": 2}
    (model,) = planned(asked).models
    assert (model.pool, model.units, model.engine["tensor_parallel_size"]) == ("large", 2, 2)


@pytest.mark.parametrize(("gpus", "allowed"), [(3, "1, 2"), (4, "1, 2")])
def test_a_replica_spans_no_more_gpus_than_a_node_has(asked: Asked, gpus: int, allowed: str) -> None:
    asked["pools"].append(LARGE)
    first_model(asked)["placement"] = {"pool": "large", "gpus": gpus}
    assert told(asked) == {"models[0].placement.gpus": ("gpus-impossible", allowed)}


def test_attention_heads_are_dealt_out_evenly(asked: Asked) -> None:
    # 28 heads and 4 KV heads: 4 units divide both, 7 divide the first only, 8 none.
    asked["pools"] = [{"name": "eight", "sku": "Standard_ND96isr_H100_v5", "nodes": {"max": 1}}]
    for gpus in (1, 2, 4):
        first_model(asked)["placement"] = {"pool": "eight", "gpus": gpus}
        assert planned(asked).models[0].units == gpus
    for gpus in (7, 8):
        first_model(asked)["placement"] = {"pool": "eight", "gpus": gpus}
        assert told(asked) == {"models[0].placement.gpus": ("gpus-impossible", "1, 2, 4")}


def test_tensor_parallel_spans_no_slices(asked: Asked) -> None:
    first_model(asked)["placement"] = {"pool": "slices", "gpus": 2}
    assert told(asked)["models[0].placement.gpus"][0] == "gpus-impossible"


def test_a_context_that_does_not_fit_names_the_longest_that_does_and_that_one_fits(asked: Asked) -> None:
    first_model(asked).update({"source": "Qwen/Qwen3-8B", "context_tokens": 40960, "precision": "bf16"})
    code, allowed = told(asked)["models[0].context_tokens"]
    assert code == "context-does-not-fit"
    assert allowed is not None
    assert "mig.profile: MIG3g" in allowed
    assert "kv_cache_dtype: fp8" in allowed
    longest = int(allowed.split()[2])
    assert longest % 16 == 0
    first_model(asked)["context_tokens"] = longest
    assert 0 <= planned(asked).models[0].memory.kv_tokens - longest <= 16
    first_model(asked)["context_tokens"] = longest + 1
    assert "models[0].context_tokens" in told(asked)


def test_what_is_named_as_a_way_out_is_one(asked: Asked) -> None:
    first_model(asked).update({"source": "Qwen/Qwen3-8B", "context_tokens": 40960})
    asked["pools"][0]["mig"]["profile"] = "MIG3g"
    assert planned(asked).models[0].memory.kv_tokens >= 40960


def test_an_fp8_kv_cache_holds_twice_the_tokens(asked: Asked) -> None:
    wide = planned(asked).models[0].memory
    first_model(asked)["engine"] = {"kv_cache_dtype": "fp8"}
    model = planned(asked).models[0]
    assert abs(model.memory.kv_tokens - 2 * wide.kv_tokens) <= 32
    assert model.engine["kv_cache_dtype"] == "fp8"


def test_a_context_beyond_the_model_is_refused_whatever_the_memory(asked: Asked) -> None:
    first_model(asked)["context_tokens"] = 32769
    assert told(asked) == {"models[0].context_tokens": ("context-beyond-model", "at most 32768")}


def test_requests_that_have_to_wait_are_a_warning(asked: Asked) -> None:
    first_model(asked).update({"context_tokens": 32768, "concurrency": 8})
    plan = planned(asked)
    (warning,) = [finding for finding in plan.findings if finding.severity == "warning"]
    assert (warning.path, warning.code) == ("models[0].concurrency", "concurrency-exceeds-memory")
    assert plan.models[0].full_context_requests == 2
    assert warning.allowed == "at most 2 without waiting"


def test_a_pool_with_too_few_nodes_for_its_replicas_says_how_many_it_needs(asked: Asked) -> None:
    first_model(asked)["replicas"] = {"max": 7}
    code, allowed = told(asked)["pools[0].nodes.max"]
    assert (code, allowed) == ("pool-too-small", "at least 3, or a lower replicas.max")
    first_model(asked)["replicas"] = {"max": 6}
    assert planned(asked).models[0].replicas_max == 6


def test_auto_takes_the_cheapest_pool_that_fits(asked: Asked) -> None:
    asked["pools"].append(LARGE)
    first_model(asked)["placement"] = "auto"
    assert planned(asked).models[0].pool == "slices"
    first_model(asked).update({"source": "Qwen/Qwen3-32B"})
    model = planned(asked).models[0]
    assert (model.pool, model.units) == ("large", 1)


def test_auto_goes_where_there_is_room_when_the_cheapest_pool_is_full(asked: Asked) -> None:
    asked["pools"].append(LARGE)
    first_model(asked)["replicas"] = {"max": 6}
    second = {"name": "second", "placement": "auto", "replicas": {"max": 1}}
    asked["models"].append(first_model(asked) | second)
    assert [model.pool for model in planned(asked).models] == ["slices", "large"]


def test_auto_says_what_would_make_room(asked: Asked) -> None:
    first_model(asked).update({"placement": "auto", "replicas": {"max": 7}})
    code, allowed = told(asked)["pools[0].nodes.max"]
    assert (code, allowed) == ("pool-too-small", "at least 3, or a lower replicas.max")


def test_a_model_that_fits_nowhere_is_told_the_best_that_there_is(asked: Asked) -> None:
    first_model(asked).update({"source": "Qwen/Qwen3-32B", "placement": "auto"})
    assert told(asked) == {
        "models[0].source": ("fits-nowhere", "a smaller model, or a pool with more memory")
    }


def test_a_model_that_cannot_be_placed_for_a_broken_pool_is_not_told_as_well(asked: Asked) -> None:
    first_model(asked).update({"source": "Qwen/Qwen3-32B", "placement": "auto"})
    asked["pools"].append(LARGE | {"sku": "Standard_NC80adis"})
    assert list(told(asked)) == ["pools[1].sku"]
