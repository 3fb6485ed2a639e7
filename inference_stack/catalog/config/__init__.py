"""Reads the fields of a config.json: what a model is made of, and how its checkpoint stores it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..architecture import Architecture, Layout
from . import layout as _layout
from .families import FAMILIES
from .fields import ConfigError, Fields
from .generic import GENERIC
from .towers import known, towers

__all__ = ["FAMILIES", "ConfigError", "architecture", "layout"]

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What readers run into where a field is of another kind than any checkpoint has it."""


def architecture(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a config.json describes, towers included.

    A model type or encoder that is not known is read as an ordinary one where the fields allow it, and
    `assumed` says so. Raises ConfigError where fields are missing, naming them.
    """
    try:
        found = _read(config)
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(f"config.json has a field of another form than is known: {error}") from None
    sizes = {"hidden_size": found.hidden_size, "vocab_size": found.vocab_size, "layers": found.layers}
    for name, size in (sizes | {"longest context": found.max_position_embeddings}).items():
        if size < 1:
            raise ConfigError(f"config.json: {name} is {size}, less than 1")
    return found


def _read(config: Mapping[str, Any]) -> Architecture:
    fields = Fields(config)
    family = FAMILIES.get(fields.model_type)
    if family is not None:
        assumed = None if known(fields) else "its encoder is not known by name: read as an ordinary one"
        return replace(family.read(fields), towers=towers(fields), assumed=assumed)
    kind = fields.model_type or "(none)"
    try:
        found = GENERIC.read(fields)
    except ConfigError as error:
        raise ConfigError(
            f"model_type {kind} is not known and cannot be read like a Llama: {error}. "
            f"Known: {', '.join(sorted(FAMILIES))}"
        ) from None
    assumed = f"model_type {kind} is not known: read like a Llama"
    return replace(found, towers=towers(fields), assumed=assumed)


def layout(config: Mapping[str, Any], quantization: str | None = None) -> Layout:
    """How the checkpoint stores its matrices. `quantization` is the engine's argument of that name.

    Raises ConfigError for a quantization that is not known.
    """
    try:
        return _layout.read(config, quantization)
    except ConfigError:
        raise
    except UNREADABLE as error:
        raise ConfigError(f"quantization_config has a field of another form than is known: {error}") from None
