"""The fields of a config.json, read with the names that model families give them."""

from collections.abc import Mapping
from typing import Any, cast

from ..architecture import ConfigError

NESTED = ("text_config", "language_config", "llm_config", "thinker_config", "text_model_config", "llm_cfg")
"""Where multimodal checkpoints keep the decoder's fields."""

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads")
HIDDEN = ("hidden_size", "n_embd", "d_model", "dim")
CONTEXT = (
    *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    *("model_max_length", "max_sequence_length"),
)


def _nested(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for name in NESTED:
        if isinstance(fields.get(name), Mapping):
            return cast("Mapping[str, Any]", fields[name])
    return None


class Fields:
    """The decoder's fields of one config.json. A field that is absent or null takes the given default."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Find the decoder's fields, which may be nested."""
        self.config = config
        self.outer: Mapping[str, Any] = config
        """The fields around the decoder's: towers, projector, and what the decoder leaves out."""
        self.decoder: Mapping[str, Any] = config
        while inner := _nested(self.decoder):
            self.outer, self.decoder = self.decoder, inner
        self.model_type = str(self.decoder.get("model_type") or config.get("model_type") or "")

    def get(self, *names: str, default: Any = None) -> Any:
        """The first of these fields that the decoder states, or the default."""
        for name in names:
            if self.decoder.get(name) is not None:
                return self.decoder[name]
        return default

    def number(self, *names: str, default: int | None = None) -> int:
        """A whole number, one for all layers. Raises ConfigError where it is missing or something else."""
        value: object = self.get(*names, default=default)
        each = self.listed(*names)
        if each and all(one == each[0] for one in each):
            value = each[0]
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            given = "missing" if value is None else f"{value!r}, not a whole number"
            raise ConfigError(
                f"config.json of model_type {self.model_type or '(none)'}: {' or '.join(names)} is {given}; "
                "give the fields of the checkpoint's config.json"
            )
        return int(cast("float", value))

    def listed(self, *names: str) -> list[Any] | None:
        """A list with one value for each layer; None where the field is absent or no list."""
        found = self.get(*names)
        return cast("list[Any]", found) if isinstance(found, list) else None

    def at(self, layer: int, *names: str, default: int | None = None) -> int:
        """A whole number of one layer: the field may be one number for all, or a list."""
        each = self.listed(*names)
        return self.number(*names, default=default) if each is None else int(each[layer])

    def settings(self, name: str) -> Mapping[str, Any]:
        """A nested object; empty where the field is absent."""
        found = self.get(name)
        return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no."""
        return bool(self.get(name, default=default))

    @property
    def hidden(self) -> int:
        """Width of the hidden states."""
        return self.number(*HIDDEN)

    @property
    def layers(self) -> int:
        """Blocks of the decoder."""
        return self.number(*LAYERS)

    @property
    def heads(self) -> int:
        """Query heads."""
        return self.number(*HEADS)

    @property
    def kv_heads(self) -> int:
        """Key and value heads."""
        return self.number("num_key_value_heads", "n_head_kv", "num_kv_heads", default=self.heads)

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        stated = self.get("head_dim", "attention_head_dim", "kv_channels")
        return int(stated) if stated else self.hidden // self.heads

    @property
    def context(self) -> int:
        """Longest context, tokens."""
        return self.number(*CONTEXT, default=int(self.outer.get("max_position_embeddings") or 8192))
