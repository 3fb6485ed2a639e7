"""What this stack sends comes back as the environment that asked for it."""

import pytest

from inference_stack.planner import plan_environment
from tests.importing.sources import emitted, imported, planned

CASES = [(name, model.name) for name in ("dev", "prod") for model in planned(name).models]


@pytest.mark.parametrize(("environment", "name"), CASES)
def test_the_plan_of_what_was_imported_serves_the_same(environment: str, name: str) -> None:
    (before,) = [model for model in planned(environment).models if model.name == name]
    found = imported(emitted(environment, before))
    assert [each.what for each in found.to_check if each.severity == "error"] == []
    (after,) = plan_environment(found.content, name="imported", file="x", text=found.text).models
    for same in ("name", "checkpoint", "context_tokens", "routing", "units", "upgrade"):
        assert getattr(after, same) == getattr(before, same), same
    for argument in ("max_loras", "max_lora_rank", "max_num_batched_tokens", "enable_expert_parallel"):
        assert after.engine.get(argument) == before.engine.get(argument), argument
    assert len(after.adapters) == len(before.adapters)
    assert (after.prefill is None) == (before.prefill is None)
    if before.prefill is None:  # both sides are sized by traffic alone
        assert (after.replicas_min, after.replicas_max) == (before.replicas_min, before.replicas_max)
        assert after.concurrency == before.concurrency


def test_a_slice_named_by_its_profile_stays_one() -> None:
    (before,) = [model for model in planned("prod").models if model.name == "copilot"]
    (pool,) = imported(emitted("prod", before)).content["pools"]
    assert pool["sku"] == "Standard_NC40ads_H100_v5"
    assert pool["mig"] == {"profile": "MIG3g", "strategy": "mixed"}
