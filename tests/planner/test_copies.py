"""What is copied into the environment's storage, and from where a model is then loaded."""

from typing import Any

import pytest

from inference_stack.planner import Plan, copies
from inference_stack.spec import InvalidEnvironment, Severity
from tests.planner.choice.asking import asking, planned

SMALL, FP8, GATED = "Qwen/Qwen3-8B", "Qwen/Qwen3-8B-FP8", "meta-llama/Llama-3.1-8B-Instruct"
COMMIT, OTHER = "220b46e3b2180893580a4454f21f22d3ebb187d3", "4" * 40
ACCOUNT = "acmeweights"


def made(*models: dict[str, Any], **weights: Any) -> Plan:
    return planned(*models, weights=weights)


def copilot(source: str = SMALL, **more: Any) -> dict[str, Any]:
    return asking(source, **{"precision": "fp8", **more})


def address(path: str, container: str = "weights") -> str:
    return f"abfss://{container}@{ACCOUNT}.dfs.core.windows.net/{path}"


def test_a_copied_checkpoint_is_loaded_from_a_folder_of_its_commit() -> None:
    plan = made(copilot(), copied={FP8: COMMIT})
    (model,) = plan.models
    assert (model.checkpoint, model.weights) == (FP8, address(f"{FP8}/{COMMIT}"))
    (copy,) = copies(plan.environment, plan.models)
    assert (copy.source, copy.folder) == (f"{FP8}@{COMMIT}", model.weights)
    (other,) = made(copilot(), copied={FP8: OTHER}).models
    assert other.weights == address(f"{FP8}/{OTHER}")


def test_without_a_commit_a_model_is_loaded_from_the_hub() -> None:
    plan = made(copilot())
    assert [model.weights for model in plan.models] == [None]
    assert copies(plan.environment, plan.models) == ()


def test_two_models_of_one_checkpoint_need_one_copy() -> None:
    plan = made(copilot(), copilot(), copied={FP8: COMMIT})
    assert len({model.weights for model in plan.models}) == 1
    assert len(copies(plan.environment, plan.models)) == 1


def test_an_adapter_with_a_source_is_copied_and_one_without_lies_there_already() -> None:
    adapters = [{"name": "legal", "source": f"acme/legal@{COMMIT}"}, {"name": "hr"}]
    plan = made(copilot(adapters=adapters))
    assert [(copy.source, copy.folder) for copy in copies(plan.environment, plan.models)] == [
        (f"acme/legal@{COMMIT}", address("m0/legal", "adapters"))
    ]


def test_a_checkpoint_that_nothing_loads_is_told_with_those_that_are_loaded() -> None:
    plan = made(copilot(), copied={SMALL: COMMIT})
    found = {each.code: each for each in plan.findings}["copied-unused"]
    assert (found.severity, found.path, found.allowed) == (
        Severity.WARNING,
        f'weights.copied["{SMALL}"]',
        FP8,
    )
    assert copies(plan.environment, plan.models) == ()


def test_a_checkpoint_behind_consent_needs_a_token() -> None:
    asked = copilot(GATED, precision="bf16")
    with pytest.raises(InvalidEnvironment) as raised:
        made(asked, copied={GATED: COMMIT})
    assert [(each.code, each.path) for each in raised.value.findings if each.severity is Severity.ERROR] == [
        ("gated-without-token", f'weights.copied["{GATED}"]')
    ]
    (model,) = made(asked, copied={GATED: COMMIT}, token_secret="hub-token").models  # noqa: S106
    assert model.weights == address(f"{GATED}/{COMMIT}")


@pytest.mark.parametrize("commit", ["main", COMMIT[:-1], COMMIT.upper()])
def test_what_can_move_is_no_commit(commit: str) -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        made(copilot(), copied={FP8: commit})
    assert [each.path for each in raised.value.findings] == [f'weights.copied["{FP8}"]']
