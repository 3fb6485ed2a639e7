"""Pictures, videos and sounds: limits, caches and encoders."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from inference_stack.spec import Severity

from .parallelism import world
from .pooling import pools
from .reading import as_integer, flag, given, integer, number, settings, text
from .rule import EngineUse, Fault, rule

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "image": ("count", "width", "height"),
    "video": ("count", "num_frames", "width", "height"),
    "audio": ("count", "length"),
}


def takes_more_than_text(use: EngineUse) -> bool | None:
    """Whether the model is multimodal; None where that is not known."""
    model = use.model
    return None if model is None else model.can("multimodal")


@rule(
    "modality-limits",
    Severity.ERROR,
    states="limit_mm_per_prompt counts items of a modality, or gives their count and size.",
    reference="vLLM 0.29.0: vllm/config/multimodal.py, MultiModalConfig._validate_limit_per_prompt",
)
def modality_limits(use: EngineUse) -> Iterator[Fault]:
    """Limits that are no counts."""
    for modality, limit in settings(use, "limit_mm_per_prompt").items():
        path = f"limit_mm_per_prompt.{modality}"
        if isinstance(limit, Mapping):
            yield from _options(path, modality, cast("Mapping[str, Any]", limit))
        elif as_integer(limit) is None:
            yield Fault(
                path, "vLLM takes no limit of this type", given=repr(limit), allowed="a count, or an object"
            )
        elif (as_integer(limit) or 0) < 0:
            yield Fault(path, "less than nothing", given=str(limit), allowed="0 or more")


def _options(path: str, modality: str, options: Mapping[str, Any]) -> Iterator[Fault]:
    allowed = OPTIONS.get(modality, ("count",))
    for name, value in options.items():
        if name not in allowed:
            yield Fault(f"{path}.{name}", f"{modality} has no such option", allowed=", ".join(allowed))
        elif value is None and name != "count":
            continue
        elif as_integer(value) is None or (as_integer(value) or 0) < (name != "count"):
            yield Fault(
                f"{path}.{name}",
                "no such number",
                given=repr(value),
                allowed="0 or more" if name == "count" else "1 or more",
            )


@rule(
    "multimodal-settings",
    Severity.ERROR,
    states="Settings of encoders and of the processor's cache go together.",
    reference="vLLM 0.29.0: vllm/config/multimodal.py, _validate_multimodal_config; vllm/config/model.py",
)
def multimodal_settings(use: EngineUse) -> Iterator[Fault]:
    """Settings that contradict each other. A model of text alone does not read them."""
    if takes_more_than_text(use) is False:
        return
    shared, object_mb = (
        text(use, "mm_processor_cache_type") == "shm",
        integer(use, "mm_shm_cache_max_object_size_mb"),
    )
    if not shared and object_mb not in (None, 128):
        yield Fault(
            "mm_shm_cache_max_object_size_mb", "mm_processor_cache_type is not shm", given=str(object_mb)
        )
    scales = [
        name
        for name in ("mm_encoder_fp8_scale_path", "mm_encoder_fp8_scale_save_path")
        if given(use, name) is not None
    ]
    if scales and text(use, "mm_encoder_attn_dtype") != "fp8":
        yield Fault(scales[0], "mm_encoder_attn_dtype is not fp8", remedy="set it, or leave the scales out")
    elif len(scales) == 2:
        yield Fault(scales[1], "scales are read or saved, not both", remedy=f"leave out {scales[0]}")
    backend = text(use, "mm_encoder_attn_backend")
    argument = use.version.engine.get("mm_encoder_attn_backend")
    if backend is not None and argument and backend.upper() not in argument.known:
        yield Fault(
            "mm_encoder_attn_backend",
            "vLLM knows no such backend",
            given=backend,
            allowed=", ".join(map(str, argument.known)),
        )
    model = use.model
    workers, cache = integer(use, "renderer_num_workers") or 1, number(use, "mm_processor_cache_gb") or 0
    if model and model.can("multimodal") and pools(use, model) and workers > 1 and cache > 0:
        yield Fault(
            "renderer_num_workers",
            "the cache of a pooling model takes one",
            given=str(workers),
            allowed="1, or mm_processor_cache_gb: 0",
        )
    rate, method = number(use, "video_pruning_rate"), text(use, "video_pruning_method")
    pruned = (
        [trait.removeprefix("prunes-") for trait in (model.traits or ()) if trait.startswith("prunes-")]
        if model
        else []
    )
    if rate and pruned and method not in pruned:
        yield Fault(
            "video_pruning_method", "the model cannot prune so", given=method, allowed=", ".join(pruned)
        )


@rule(
    "encoder-graphs-without-encoder",
    Severity.ERROR,
    states="The encoder's CUDA graphs are made only where the encoder runs.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__",
)
def graphs_without_encoder(use: EngineUse) -> Iterator[Fault]:
    """Graphs of an encoder that language_model_only turns off."""
    graphs = settings(use, "compilation_config").get("cudagraph_mm_encoder")
    if flag(use, "language_model_only") and graphs and takes_more_than_text(use):
        yield Fault("language_model_only", "compilation_config.cudagraph_mm_encoder is on", given="true")


@rule(
    "shared-tensors",
    Severity.ERROR,
    states="Tensors pass through shared memory (torch_shm) only within one rank, with spawned workers.",
    reference="vLLM 0.29.0: vllm/config/model.py, verify_with_parallel_config; vllm/config/vllm.py",
)
def shared_tensors(use: EngineUse) -> Iterator[Fault]:
    """torch_shm over several ranks."""
    if text(use, "mm_tensor_ipc") == "torch_shm" and takes_more_than_text(use) and world(use) > 1:
        yield Fault("mm_tensor_ipc", f"there are {world(use)} ranks", given="torch_shm", allowed="direct_rpc")


@rule(
    "processor-device",
    Severity.ERROR,
    states="The multi-modal processor runs on the CPU unless the engine only encodes.",
    reference="vLLM 0.29.0: vllm/config/multimodal.py, validate_mm_processor_device",
)
def processor_device(use: EngineUse) -> Iterator[Fault]:
    """A processor that shares the GPU with the model."""
    if not takes_more_than_text(use):
        return
    own, stated = settings(use, "mm_processor_kwargs").get("device"), text(use, "mm_processor_device")
    device = own if own is not None else stated
    if device in (None, "auto", "cpu"):
        return
    path = "mm_processor_kwargs.device" if own is not None else "mm_processor_device"
    if own is not None and not (
        isinstance(own, str) and own.split(":")[0] in ("cpu", "cuda", "meta", "xpu", "mps")
    ):
        yield Fault(path, "torch knows no such device", given=repr(own), allowed="cpu")
    elif settings(use, "ec_transfer_config").get("ec_role") != "ec_producer" and str(device).startswith(
        "cuda"
    ):
        yield Fault(path, "this engine also runs the language model", given=str(device), allowed="cpu")


@rule(
    "prompt-embeddings",
    Severity.ERROR,
    states="Models with an encoder and a decoder take no prompt embeddings.",
    reference="vLLM 0.29.0: vllm/config/model.py, validate_model_config_after",
)
def prompt_embeddings(use: EngineUse) -> Iterator[Fault]:
    """Embeddings for a model that cannot read them."""
    model = use.model
    if flag(use, "enable_prompt_embeds") and model and model.encoder_decoder:
        yield Fault(
            "enable_prompt_embeds", "the model has an encoder and a decoder", given="true", allowed="false"
        )


MULTIMODAL_RULES = (
    modality_limits,
    multimodal_settings,
    graphs_without_encoder,
    shared_tensors,
    processor_device,
    prompt_embeddings,
)
