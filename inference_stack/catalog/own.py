"""A checkpoint that the catalog does not have, and that somebody describes by its config.json."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from .data_files import Fields
from .model import ModelRow

if TYPE_CHECKING:
    from .architecture import Architecture, Layout

UNKNOWN_ORIGIN = "ZZ"
"""ISO 3166 leaves it to its users; here: nobody says where the publisher is."""


class OwnRow(ModelRow):
    """A row that stands in no file. Nobody but its user vouches for it, so it is never verified."""

    content: str = Field(description="Its config.json.")
    weights: str = Field(description="Where its files lie, a URI.")

    @property
    def quality(self) -> int:
        """It has no variants to be compared with."""
        return 0

    @property
    def fields(self) -> Fields:
        """The fields of its config.json."""
        return json.loads(self.content)

    @property
    def architecture(self) -> "Architecture":
        """What it is made of."""
        return _architecture(self.content)

    @property
    def layout(self) -> "Layout":
        """How it stores its matrices."""
        return _layout(self.content)


def own_row(
    id_: str, config: Mapping[str, Any], *, weights: str, licence: str, params_b: float | None = None
) -> OwnRow:
    """The row of such a checkpoint, its context limit that of its positions.

    Raises ConfigError for a config.json that cannot be read.
    """
    content = json.dumps(config)
    return OwnRow(
        id=id_,
        config=id_,
        quantization=_layout(content).name,
        licence=licence,
        origin=UNKNOWN_ORIGIN,
        max_context=_architecture(content).max_position_embeddings,
        params_b=params_b,
        verified=False,
        content=content,
        weights=weights,
        source="the environment itself",
        # It is as new as the environment, and never old.
        date=date.max,
    )


@cache
def _architecture(content: str) -> "Architecture":
    # As for the rows of the catalog: slow to import, and few commands need it.
    from .config import architecture
    from .config.fields import CONTEXT, ConfigError
    from .config.fields import Fields as Decoder

    config = json.loads(content)
    fields = Decoder(config)
    if fields.get(*CONTEXT) is None and not fields.outer.get(CONTEXT[0]):
        raise ConfigError(f"config.json: {CONTEXT[0]} is missing, the longest context that it can read")
    return architecture(config)


@cache
def _layout(content: str) -> "Layout":
    from .config import layout

    return layout(json.loads(content))
