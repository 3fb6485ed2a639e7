"""The tables of cosines and sines that vLLM keeps on every rank, one for each kind of rotary embedding.

Their sizes follow vllm/model_executor/layers/rotary_embedding of vLLM 0.29.
"""

from collections.abc import Mapping
from typing import Any, cast

from ..architecture import Rotary
from .fields import Fields


def rope_parameters(fields: Fields, key: str | None = None) -> dict[str, Any]:
    """What the config says of its rotary embedding, in the old form (rope_scaling) or the new one.

    `key` picks the parameters of one kind of layer where the config has several.
    """
    found = fields.get("rope_parameters", "rope_scaling", default={})
    if not isinstance(found, Mapping):
        return {}
    parameters = dict(cast("Mapping[str, Any]", found))
    if key is not None and isinstance(parameters.get(key), Mapping):
        parameters = dict(cast("Mapping[str, Any]", parameters[key]))
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind in ("mrope", "default", None):
        kind = "default"
    elif kind == "su":
        kind = "longrope"
    return parameters | {"rope_type": kind}


def frequencies(fields: Fields, kinds: int = 1) -> Rotary:
    """What models keep that vLLM runs through transformers' own classes: frequencies twice, and no table."""
    return Rotary(2 * kinds, fields.head_dim // 2, float32=True)


def table(
    fields: Fields,
    width: int,
    *,
    partial: float | None = None,
    parameters: dict[str, Any] | None = None,
    rows: int | None = None,
    deepseek: bool = False,
) -> Rotary:
    """The table of one rotary embedding of heads `width` wide, of which `partial` is rotated."""
    parameters = rope_parameters(fields) if parameters is None else parameters
    rows = fields.context if rows is None else rows
    stated = partial if partial is not None else parameters.get("partial_rotary_factor")
    if stated is None:
        stated = fields.get("partial_rotary_factor", "rotary_pct", "rope_pct", default=1.0)
    width = int(width * float(stated)) if parameters.get("rope_type") != "proportional" else width
    kind = parameters["rope_type"]
    factor = parameters.get("factor", 1.0)
    original = parameters.get("original_max_position_embeddings", rows)
    if kind == "longrope":
        return Rotary(original + rows, width)
    mrope = "mrope_section" in parameters
    if kind in ("yarn", "deepseek_yarn") or (deepseek and kind != "default"):
        return Rotary(int((4 if mrope and factor is None else 1) * original * factor), width)
    if kind == "linear":
        return Rotary(int(rows * factor), width)
    return Rotary(4 * rows if mrope else rows, width)
