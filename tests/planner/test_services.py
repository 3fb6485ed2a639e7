"""What counts by service: heads, and replicas that stand twice while a service is upgraded."""

from typing import Any

import pytest

from inference_stack.planner import Plan, gpus_shared, plan_environment, service_of, services
from inference_stack.spec import InvalidEnvironment

BOTH = ("a", "b")


def asked(*, shared: bool, heads: int, upgrade: str = "NewCluster") -> dict[str, Any]:
    return {
        "region": "swedencentral",
        "storage_account": "acmeweights",
        "shared_gpus": shared,
        "cluster": {"heads": {"sku": "Standard_D4ds_v5", "nodes": {"min": 1, "max": heads}}},
        "quota": {"StandardNCadsH100v5Family": 400},
        "pools": [{"name": "cards", "sku": "Standard_NC40ads_H100_v5", "nodes": {"max": 2}}],
        "models": [
            {
                "name": name,
                "source": "Qwen/Qwen3-32B",
                "context_tokens": 8192,
                "replicas": {"max": 1},
                "upgrade": upgrade if name == "a" else "NewCluster",
            }
            for name in BOTH
        ],
    }


def planned(**how: Any) -> Plan:
    return plan_environment(asked(**how), name="shared", file="shared.yaml")


def upgrading(plan: Plan) -> int:
    """GPUs at peak while a service is upgraded, beyond those that serve."""
    (use,) = (use for use in plan.quota if use.family == "StandardNCadsH100v5Family")
    return (use.vcpus_service_upgrade - use.vcpus_peak) // 40


def test_models_that_share_gpus_need_one_head_and_others_one_each() -> None:
    assert len(planned(shared=True, heads=1).models) == len(BOTH)
    with pytest.raises(InvalidEnvironment, match="Ray heads of 2 services"):
        planned(shared=False, heads=1)


def test_models_that_share_gpus_stand_twice_together() -> None:
    assert upgrading(planned(shared=True, heads=4)) == 1
    assert upgrading(planned(shared=True, heads=4, upgrade="None")) == 0


def test_a_service_is_found_by_any_of_its_models() -> None:
    models = planned(shared=True, heads=1).models
    assert service_of("b", models) == service_of("a", models) == services(models)[0]
    with pytest.raises(LookupError):
        service_of("c", models)


@pytest.mark.parametrize(("replicas", "gpus"), [((1, 1), 1), ((2, 1), 2), ((2, 2), 2), ((0, 0), 0)])
def test_replicas_fill_as_few_gpus_as_can_be(replicas: tuple[int, int], gpus: int) -> None:
    models = planned(shared=True, heads=1).models
    assert {model.share for model in models} == {0.5}
    assert gpus_shared(zip(models, replicas, strict=True)) == gpus
