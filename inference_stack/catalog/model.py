"""A checkpoint of the catalog, and the config.json behind it."""

from functools import cache
from typing import TYPE_CHECKING

from pydantic import Field

from .data_files import CatalogError, Fields, objects
from .rows import Row

if TYPE_CHECKING:
    from .architecture import Architecture, Layout

UNQUANTIZED = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
"""Layouts without quantization, and the dtype that their config.json states."""

QUALITY = (
    *("gptq-int8", "fp8-block", "fp8-dynamic", "fp8-fbgemm", "fp8", "fp8-static", "fp8-modelopt", "w8a8"),
    *("int4-experts", "mxfp4", "awq", "w4a16", "gptq", "nvfp4-experts", "nvfp4-mla", "nvfp4-mlp", "nvfp4"),
)
"""Quantized layouts, the one that gives up least first. Our judgement: more bits before fewer, finer scales
before coarser, weights alone before weights and activations."""


class ModelRow(Row):
    """A checkpoint: what it is made of, how it is stored, licence and origin."""

    id: str = Field(description="Id on the model hub.")
    config: str = Field(description="Its architecture: a key of configs.json.")
    base: str | None = Field(
        default=None,
        description="Id of the checkpoint that it is a quantized variant of; None for the original.",
    )
    quantization: str = Field(description="Layout: bf16, fp16 or fp32, or a key of quantizations.json.")
    licence: str = Field(description="Licence id of the hub.")
    origin: str = Field(description="Country of the publisher, ISO 3166.", pattern="^[A-Z]{2}$")
    gated: bool | None = Field(default=None, description="Whether the hub asks for consent; None if unknown.")
    max_context: int = Field(description="Longest context that the publisher supports, tokens.", gt=0)
    params_b: float | None = Field(
        default=None, description="All parameters as published, billions, to the digits that were published."
    )
    former_ids: str | None = Field(
        default=None, description="Ids that the hub or public logs also use for it, separated by spaces."
    )
    verified: bool = Field(description="Whether a second source agrees with the architecture and layout.")

    @property
    def quality(self) -> int:
        """Place among the variants of a model, 0 the best: how much precision the layout gives up."""
        return (*UNQUANTIZED, *QUALITY).index(self.quantization)

    @property
    def names(self) -> tuple[str, ...]:
        """Its id and those that it is also known by."""
        return (self.id, *(self.former_ids or "").split())

    @property
    def family(self) -> str:
        """The model_type of its config.json: llama, qwen3_moe ..."""
        return self.fields["model_type"]

    @property
    def fields(self) -> Fields:
        """The fields of its config.json that memory and speed depend on, quantization_config among them.

        Raises CatalogError if it names an architecture or layout that no file has.
        """
        return _fields(self.config, self.quantization, self.max_context)

    @property
    def architecture(self) -> "Architecture":
        """What it is made of. Raises CatalogError or ConfigError."""
        return _architecture(self.config, self.max_context)

    @property
    def layout(self) -> "Layout":
        """How it stores its matrices. Raises CatalogError or ConfigError."""
        return _layout(self.config, self.quantization)


@cache
def _architecture(config: str, max_context: int) -> "Architecture":
    # Reading a config.json takes as long to import as the rest of the catalog; few commands do it.
    from .config import architecture

    return architecture(_fields(config, "bf16", max_context))


@cache
def _layout(config: str, quantization: str) -> "Layout":
    from .config import layout

    return layout(_fields(config, quantization, 0))


@cache
def _fields(config: str, quantization: str, max_context: int) -> Fields:
    found = objects("configs").get(config)
    if found is None:
        raise CatalogError(f"models.csv: config {config!r} is no key of configs.json")
    context = {"max_position_embeddings": max_context}
    nested = {"text_config": found["text_config"] | context} if "text_config" in found else {}
    fields = found | context | nested
    if quantization in UNQUANTIZED:
        return fields | {"torch_dtype": UNQUANTIZED[quantization]}
    layout = objects("quantizations").get(quantization)
    if layout is None:
        raise CatalogError(
            f"models.csv: quantization {quantization!r} is neither one of {', '.join(UNQUANTIZED)} "
            "nor a key of quantizations.json"
        )
    return fields | {"quantization_config": layout}
