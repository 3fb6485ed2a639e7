"""Write what the installed vLLM says of every model class it knows: `python -m serving.engine_architectures`.

Loads each class, which takes a minute, and writes `architectures-<version>.json` beside the rules: by name,
as `architectures` of a config.json has it, the traits that rules ask for. Classes that do not load here, for
want of a package or of CUDA, are left out, and rules on them find nothing.
"""
# pyright: reportMissingImports=false

import json
import os
from pathlib import Path
from typing import Any

os.environ["VLLM_TARGET_DEVICE"] = "cpu"
os.environ["VLLM_LOGGING_LEVEL"] = "CRITICAL"

TRAITS = {
    "is_text_generation_model": "generates",
    "is_pooling_model": "pools",
    "supports_multimodal": "multimodal",
    "supports_pp": "pipeline",
    "is_attention_free": "attention-free",
    "is_hybrid": "hybrid",
    "supports_replayssm": "replayssm",
}
"""vLLM's names of the traits, and ours."""


def traits(model: type) -> list[str]:
    """What one class can do."""
    from vllm.model_executor.models.interfaces import supports_lora
    from vllm.model_executor.models.registry import _ModelInfo

    info = _ModelInfo.from_model_cls(model)
    found = [ours for theirs, ours in TRAITS.items() if getattr(info, theirs)]
    found += ["lora"] if supports_lora(model) else []
    found += ["pools-first"] if info.default_seq_pooling_type == "CLS" else []
    found += ["bidirectional"] if info.attn_type == "encoder_only" else []
    found += [f"prunes-{method}" for method in info.supported_video_pruning_methods]
    return sorted(found)


def architectures() -> dict[str, list[str]]:
    """The traits of every class that loads here, by the name that config.json has."""
    from vllm.model_executor.models.registry import ModelRegistry

    found: dict[str, list[str]] = {}
    for name, registered in sorted(ModelRegistry.models.items()):
        try:
            found[name] = traits(registered.load_model_cls())
        except Exception:  # noqa: BLE001, S112 - whatever it lacks, it does not load here
            continue
    return found


def main() -> None:
    """Write the table of the installed version."""
    import vllm

    import inference_stack.engine.rules as rules

    data = Path(rules.__file__).parent / "data" / f"architectures-{vllm.__version__}.json"
    table: dict[str, Any] = architectures()
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in table.items())
    data.write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
