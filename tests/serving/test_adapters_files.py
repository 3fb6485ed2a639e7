"""What is told of the faults in adapters' files: vLLM's words on the configuration, ours on the rest."""

from pathlib import Path

import pytest
from vllm.config.lora import LoRAConfig

from serving.adapter_files import AdapterFilesError, Shape, base_shapes, check
from tests.serving.adapter_store import HIDDEN, KEY_VALUE, LAYERS, Files, adapter

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
MAX_RANK = 16
GOOD = adapter(0)
BASE: dict[str, Shape] = {
    f"model.layers.{layer}.self_attn.{module}": shape
    for layer in range(LAYERS)
    for module, shape in (("q_proj", (HIDDEN, HIDDEN)), ("v_proj", (KEY_VALUE, HIDDEN)))
}
FAULTS: dict[str, tuple[Files, str]] = {
    "no configuration": ({TENSORS: GOOD[TENSORS]}, "adapter_config.json is missing"),
    "no JSON": ({**GOOD, CONFIG: b"{r: 8}"}, "adapter_config.json is not JSON: .*line 1 column 2"),
    "no text": ({**GOOD, CONFIG: b"\xff\xfe"}, "adapter_config.json is not text"),
    "no object": ({**GOOD, CONFIG: b"[]"}, "adapter_config.json is not the configuration of a LoRA adapter"),
    "no rank": ({**GOOD, CONFIG: b'{"lora_alpha": 1, "target_modules": []}'}, "fields: {'r'}"),
    "a high rank": (adapter(0, rank=32), "rank 32 is greater than max_lora_rank 16"),
    "a high rank in the tensors alone": (adapter(0, rank=32, r=8), "q_proj has ranks 32 and 32"),
    "a kind that vLLM does not have": (adapter(0, use_dora=True), "DoRA"),
    "no weights": ({CONFIG: GOOD[CONFIG]}, "adapter_model.safetensors is missing"),
    "no bytes": ({**GOOD, TENSORS: b""}, "cut off or damaged"),
    "half of the bytes": ({**GOOD, TENSORS: GOOD[TENSORS][: len(GOOD[TENSORS]) // 2]}, "cut off or damaged"),
    "a wider base": (adapter(0, hidden=256), "256 inputs and 256 outputs, and has 128 and 128 in this base"),
    "a narrower base": (adapter(0, hidden=64), "64 inputs and 64 outputs.*and so in 2 more"),
}


def _written(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _check(folder: Path, base: dict[str, Shape]) -> None:
    check(folder, LoRAConfig(max_lora_rank=MAX_RANK), base)


def test_an_adapter_of_this_base_has_no_fault(tmp_path: Path) -> None:
    _check(_written(GOOD, tmp_path), BASE)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_without_a_place_on_this_machine(tmp_path: Path, fault: str) -> None:
    files, told = FAULTS[fault]
    with pytest.raises(AdapterFilesError, match=told) as found:
        _check(_written(files, tmp_path), BASE)
    assert str(tmp_path) not in str(found.value)


def test_widths_of_a_base_that_is_not_known_are_left_to_the_engine(tmp_path: Path) -> None:
    _check(_written(adapter(0, hidden=64), tmp_path), {})


def test_weights_in_a_form_that_only_the_engine_reads_are_left_to_it(tmp_path: Path) -> None:
    _check(_written({CONFIG: GOOD[CONFIG], "adapter_model.bin": b"anything"}, tmp_path), BASE)


def test_the_shapes_of_a_base_are_those_of_its_checkpoint(tmp_path: Path) -> None:
    # Whatever its tensors are called.
    _written({"model-00001-of-00002.safetensors": GOOD[TENSORS]}, tmp_path)
    shapes = base_shapes(str(tmp_path), None)
    assert shapes["base_model.model.model.layers.0.self_attn.v_proj.lora_B"] == (KEY_VALUE, 8)


@pytest.mark.parametrize("elsewhere", ["s3://models/qwen", "nobody/has-this-one"])
def test_a_base_that_is_not_on_this_disk_has_no_known_shapes(elsewhere: str) -> None:
    assert base_shapes(elsewhere, None) == {}
