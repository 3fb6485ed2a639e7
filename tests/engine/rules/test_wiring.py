"""Rules on engine arguments as they reach manifests: with the catalog's model, and the card of the pods."""

from typing import Any

import pytest

from inference_stack.engine import check_ray_service, llm_config_findings
from inference_stack.engine.card import card

from . import models, services
from .models import Change, both, codes

ARGUMENTS = f"{services.MODEL}.engine_kwargs"


def found(change: Change) -> set[tuple[str, str]]:
    manifest = services.service()
    change(manifest)
    return codes(check_ray_service(manifest))


def test_a_tensor_over_slices_is_told_by_what_the_pods_ask_for():
    told = ("tensor-parallel-over-slices", f"{ARGUMENTS}.tensor_parallel_size")
    two, slices = (
        services.engine(tensor_parallel_size=2),
        services.container(**services.gpus("2", services.SLICE)),
    )
    assert told in found(both(two, slices))
    assert told not in found(two)
    assert told not in found(slices)


@pytest.mark.parametrize(
    ("source", "told"),
    [("Qwen/Qwen2.5-7B-Instruct", {f"{ARGUMENTS}.max_model_len"}), ("ours/unknown", set())],
)
def test_what_the_model_decides_is_told_where_the_catalog_knows_it(source: str, told: set[str]):
    def change(config: dict[str, Any]) -> None:
        config["model_loading_config"]["model_source"] = source
        config["engine_kwargs"]["max_model_len"] = 1_000_000

    assert {path for _, path in found(services.model(change))} == told


def test_a_small_share_of_a_card_is_told_unless_others_have_the_rest():
    alone, sharing = models.model(engine_kwargs={"gpu_memory_utilization": 0.4}), models.shared(0.4)
    assert "memory-share" in {code for code, _ in codes(llm_config_findings(alone))}
    assert "memory-share" not in {code for code, _ in codes(llm_config_findings(sharing))}


@pytest.mark.parametrize(("engine", "known"), [("0.29.0", False), ("0.33.0", True)])
def test_names_are_judged_by_the_version_that_is_asked_for(engine: str, known: bool):
    from inference_stack.engine.arguments import engine_version

    name = sorted(engine_version("0.33.0").engine.keys() - engine_version("0.29.0").arguments.keys())[0]
    config = models.model(engine_kwargs={name: None})
    unknown = {path for code, path in codes(llm_config_findings(config, engine=engine)) if "unknown" in code}
    assert unknown == (set() if known else {f"engine_kwargs.{name}"})


@pytest.mark.parametrize(
    ("accelerator", "resource", "name", "sliced"),
    [
        ("H100", None, "H100-PCIe-80GB", False),
        ("H100", "nvidia.com/gpu", "H100-PCIe-80GB", False),
        ("H100", "nvidia.com/mig-3g.47gb", "H100-NVL-94GB 3g.47gb", True),
        (None, "nvidia.com/mig-3g.71gb", "H200-SXM-141GB 3g.71gb", True),
        (None, "nvidia.com/mig-1g.99gb", "1g.99gb", True),
    ],
)
def test_a_card_is_known_by_its_type_or_by_the_slice_that_a_resource_names(
    accelerator, resource, name, sliced
):
    found = card(accelerator, resource)
    assert found
    assert (found.name, found.slice) == (name, sliced)


@pytest.mark.parametrize(
    ("accelerator", "resource"), [(None, None), (None, "nvidia.com/gpu"), ("TPU-V6E", None)]
)
def test_a_card_that_nobody_names_is_not_known(accelerator, resource):
    assert card(accelerator, resource) is None
