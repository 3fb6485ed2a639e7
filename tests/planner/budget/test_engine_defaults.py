"""Our table of vLLM's defaults against vLLM's own code, told that it runs on each card."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from inference_stack.planner.engine_defaults import batch, batch_defaults, utilization
from inference_stack.planner.silicon import silicon

CARDS = [
    ("A100-PCIe-80GB", None),
    ("A100-SXM-40GB", None),
    ("H100-SXM-80GB", None),
    ("H100-NVL-94GB", None),
    ("H100-NVL-94GB", "1g.12gb"),
    ("H100-NVL-94GB", "3g.47gb"),
    ("H100-NVL-94GB", "7g.94gb"),
    ("H200-SXM-141GB", "3g.71gb"),
    ("H200-SXM-141GB", None),
    ("GB200-186GB", None),
    ("L40S-48GB", None),
]


@pytest.mark.parametrize(("gpu", "mig"), CARDS)
def test_steps_and_requests_are_vllms_for_the_card(
    gpu: str, mig: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    arg_utils = import_module("vllm.engine.arg_utils")
    server = import_module("vllm.usage.usage_lib").UsageContext.OPENAI_API_SERVER
    unit = silicon(gpu, mig=mig)
    platform = SimpleNamespace(
        get_device_total_memory=lambda: int(unit.memory_gib * 2**30),
        get_device_name=lambda: f"NVIDIA {unit.gpu.replace('-', ' ')}",
        is_tpu=lambda: False,
        is_cpu=lambda: False,
    )
    monkeypatch.setattr(arg_utils, "current_platform", platform)
    tokens, seqs = arg_utils.EngineArgs.get_batch_defaults(world_size=1)
    assert batch_defaults(unit) == (tokens[server], seqs[server])


def test_utilization_is_vllms() -> None:
    assert import_module("vllm.engine.arg_utils").EngineArgs.gpu_memory_utilization == utilization("0.29.0")


def test_utilization_was_lower_before_graphs_were_counted_in() -> None:
    assert utilization("0.19.0") == 0.9


def test_defaults_never_exceed_what_all_requests_can_have() -> None:
    card = silicon("H100-SXM-80GB")
    assert batch(card, max_model_len=1024, seqs=2) == (2048, 2)
    assert batch(card, max_model_len=1024, batched_tokens=512) == (512, 512)
    assert batch(card, max_model_len=1024, batched_tokens=512, seqs=1024) == (512, 1024)
