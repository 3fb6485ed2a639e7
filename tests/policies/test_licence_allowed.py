"""The rule on services that the stack registers and on those that others write."""

from typing import Any

import pytest
import yaml

from policies.context import Context
from tests.policies.holding import Made, held

RULE = "licence-allowed"
GEMMA, QWEN = "google/gemma-2-2b-it", "Qwen/Qwen3-8B"
BLOB = "abfss://weights@acct.dfs.core.windows.net/mine"


def config(source: object) -> dict[str, Any]:
    return {"model_loading_config": {"model_id": "m", "model_source": source}}


def violations(
    arguments: dict[str, Any], annotations: dict[str, str] | None = None, context: Context | None = None
) -> list[str]:
    serve = {"applications": [{"name": "m", "args": arguments}]}
    props: dict[str, Any] = {"spec": {"serveConfigV2": yaml.safe_dump(serve)}}
    if annotations:
        props["metadata"] = {"annotations": annotations}
    found = held([Made("kubernetes:ray.io/v1:RayService", "m", props)], context, only=RULE)
    return [told for _, told in found.broken.get(RULE, ())]


@pytest.mark.parametrize(
    "arguments",
    [
        {"llm_configs": [config(QWEN), config(GEMMA)]},
        {"prefill_config": config(GEMMA), "decode_config": config(QWEN)},
        {"prefill_config": config(QWEN), "decode_config": config(GEMMA)},
        {"llm_configs": [{"model_loading_config": {"model_id": GEMMA}}]},
    ],
    ids=["served", "read apart", "written apart", "by its id"],
)
def test_a_licence_that_is_not_allowed_is_told_wherever_the_model_is_named(arguments: dict[str, Any]) -> None:
    (told,) = violations(arguments)
    assert GEMMA in told


@pytest.mark.parametrize(
    "arguments",
    [{"llm_configs": [config(QWEN)]}, {"prefill_config": config(QWEN), "decode_config": config(QWEN)}],
)
def test_a_licence_that_is_allowed_passes(arguments: dict[str, Any]) -> None:
    assert violations(arguments) == []


@pytest.mark.parametrize("key", ["asked", "own_governance"])
def test_the_licences_of_the_stack_count(key: str) -> None:
    governance: dict[str, Any] = {"licences": ["gemma"]}
    given: Any = {key: {"governance": governance} if key == "asked" else governance}
    assert violations({"llm_configs": [config(GEMMA)]}, context=Context(stack="test", **given)) == []


@pytest.mark.parametrize("source", [BLOB, {"bucket_uri": BLOB}])
@pytest.mark.parametrize(
    ("claimed", "told"), [("mit", 0), ("llama3", 1), (None, 1), ("apache-2.0,mit", 0), ("llama3,mit", 1)]
)
def test_weights_of_ones_own_pass_by_the_licence_that_their_service_names(
    source: object, claimed: str | None, told: int
) -> None:
    annotations = {"inference-stack.io/licence": claimed} if claimed else None
    assert len(violations({"llm_configs": [config(source)]}, annotations)) == told
