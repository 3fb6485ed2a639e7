"""Whether the files of a LoRA adapter are whole and made for this base, told before the engine takes them.

vLLM 0.29.0 takes an adapter of a narrower base without a word, padded with zeros, and answers nonsense; of a
wider one it fails with half of the tensors in place. What it says of `adapter_config.json` is left to it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open
from vllm.lora.peft_helper import PEFTHelper

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OTHER_TENSORS = ("adapter_model.bin", "adapter_model.pt")
"""Which vLLM takes as well; of them only it says what is wrong."""
MOST_TOLD = 2
"""Of so many matrices a fault is told, at most."""

Shape = tuple[int, ...]


class AdapterFilesError(ValueError):
    """What is wrong with an adapter's files, for those who made it; it names nothing of this machine."""


def check(folder: Path, lora_config: Any, base: Mapping[str, Shape]) -> None:
    """Raise AdapterFilesError for what is wrong with an adapter.

    `lora_config` is vLLM's, `base` the shapes of the base's matrices by name, as far as they are known.
    """
    _check_config(folder, lora_config)
    if (folder / TENSORS).is_file():
        _check_tensors(folder / TENSORS, lora_config.max_lora_rank, base)
    elif not any((folder / other).is_file() for other in OTHER_TENSORS):
        raise AdapterFilesError(f"{TENSORS} is missing")


def base_shapes(model: str, revision: str | None) -> dict[str, Shape]:
    """Shapes of the matrices of a checkpoint on this machine's disk, outputs first, by their names in it.

    Empty for one that is streamed. Matrices that are packed, by a quantization, are left out.
    """
    folder = Path(model)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(model, revision=revision, local_files_only=True))
        except (LocalEntryNotFoundError, ValueError):  # not there, or no id of the hub
            return {}
    return {
        name.removesuffix(".weight"): shape
        for file in sorted(folder.glob("*.safetensors"))
        for name, shape, kind in _shapes(file)
        if name.endswith(".weight") and len(shape) == 2 and kind.startswith(("F", "BF"))
    }


def _check_config(folder: Path, lora_config: Any) -> None:
    try:
        PEFTHelper.from_local_dir(str(folder), max_position_embeddings=None).validate_legal(lora_config)
    except FileNotFoundError:
        raise AdapterFilesError(f"{CONFIG} is missing") from None
    except json.JSONDecodeError as error:
        raise AdapterFilesError(f"{CONFIG} is not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise AdapterFilesError(f"{CONFIG} is not text") from error
    except ValueError as error:
        raise AdapterFilesError(f"{CONFIG}: {error}") from error
    except (AttributeError, TypeError) as error:
        raise AdapterFilesError(f"{CONFIG} is not the configuration of a LoRA adapter") from error


def _check_tensors(file: Path, max_rank: int, base: Mapping[str, Shape]) -> None:
    try:
        shapes = {name: shape for name, shape, _ in _shapes(file)}
    except SafetensorError as error:
        raise AdapterFilesError(f"{TENSORS} is cut off or damaged") from error
    faults = [fault for name in shapes if (fault := _fault(name, shapes, max_rank, base))]
    if faults:
        more = len(faults) - MOST_TOLD
        told = "; ".join(faults[:MOST_TOLD]) + (f"; and so in {more} more" if more > 0 else "")
        raise AdapterFilesError(f"{TENSORS}: {told}")


def _fault(name: str, shapes: Mapping[str, Shape], max_rank: int, base: Mapping[str, Shape]) -> str | None:
    """What is wrong with one pair of matrices, told at the first of them."""
    module, _, rest = name.partition(".lora_A.")
    if not rest:
        return None
    reads, writes = shapes[name], shapes.get(f"{module}.lora_B.{rest}")
    module = module.removeprefix("base_model.model.")
    if writes is None:
        return f"{module} has a lora_A and no lora_B"
    if len(reads) != 2 or len(writes) != 2:
        return None  # of experts, stacked: vLLM says what is wrong with them
    if reads[0] != writes[1] or reads[0] > max_rank:
        return f"{module} has ranks {reads[0]} and {writes[1]}; equal ones up to {max_rank} are served"
    given, wanted = (writes[0], reads[1]), base.get(module)
    if wanted is None or given == wanted:
        return None
    return (
        f"{module} is made for {given[1]} inputs and {given[0]} outputs, "
        f"and has {wanted[1]} and {wanted[0]} in this base"
    )


def _shapes(file: Path) -> Iterator[tuple[str, Shape, str]]:
    """Name, shape and type of each tensor: the header says them, and no tensor is read."""
    with safe_open(file, framework="numpy") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - it is no mapping
            part = tensors.get_slice(name)
            yield name, tuple(part.get_shape()), part.get_dtype()
