"""What vision encoders are made of: counts of parameters, and the layers that several families share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


@dataclass
class Count:
    """Parameters: those dealt out over the ranks, and those that every rank holds whole."""

    split: int = 0
    whole: int = 0
    tables: int = 0

    def linear(
        self, inputs: int, outputs: int, bias: bool = True, *, split: str = "whole", times: int = 1
    ) -> None:
        """A matrix split by columns or by rows (whose bias is whole), or not at all."""
        weights, biases = inputs * outputs * times, outputs * times if bias else 0
        if split == "whole":
            self.whole += weights + biases
        elif split == "columns":
            self.split += weights + biases
        else:
            self.split += weights
            self.whole += biases


class Vision:
    """The fields of a vision_config."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take the fields as they are."""
        self.config = config

    def number(self, *names: str, default: int | None = None) -> int:
        """A whole number under one of these names."""
        for name in names:
            value: object = self.config.get(name)
            if isinstance(value, int | float):
                return int(value)
        if default is None:
            raise KeyError(names[0])
        return default

    @property
    def hidden(self) -> int:
        """Width of the hidden states."""
        return self.number("hidden_size", "vt_hidden_size", "embed_dim", default=1024)

    @property
    def width(self) -> int:
        """Width of the feed-forward part."""
        return self.number("intermediate_size", "vt_intermediate_size", default=4 * self.hidden)

    @property
    def layers(self) -> int:
        """Layers of the encoder."""
        return self.number("num_hidden_layers", "depth", "vt_num_hidden_layers", "layers", default=24)

    @property
    def heads(self) -> int:
        """Heads of the encoder."""
        return self.number("num_attention_heads", "num_heads", "vt_num_attention_heads", default=16)

    @property
    def patches(self) -> int:
        """Patches of one picture of the stated size."""
        return (self.number("image_size", default=336) // self.number("patch_size", default=14)) ** 2

    @property
    def patch_inputs(self) -> int:
        """Numbers of one patch."""
        return self.number("num_channels", "in_channels", "in_chans", default=3) * (
            self.number("patch_size", default=14) ** 2
        )


def encoder(
    count: Count, vision: Vision, layers: int, *, gated: bool = False, bias: bool = True, norms: int = 4
) -> None:
    """Layers of attention and feed-forward; `norms` vectors of the hidden width each."""
    hidden, width = vision.hidden, vision.width
    count.linear(hidden, 3 * hidden, bias, split="columns", times=layers)
    count.linear(hidden, hidden, bias, split="rows", times=layers)
    count.linear(hidden, (2 if gated else 1) * width, bias, split="columns", times=layers)
    count.linear(width, hidden, bias, split="rows", times=layers)
    count.whole += norms * hidden * layers


def feature_layers(vision: Vision, outer: Mapping[str, Any], default: int) -> tuple[int, int]:
    """How many layers are built for the features that are asked for, and how many features there are."""
    wanted = outer.get("vision_feature_layer", default)
    each = [wanted] if isinstance(wanted, int) else list(cast("list[int]", wanted or [default]))
    return max(vision.layers + layer + 1 if layer < 0 else layer for layer in each), len(each)


def clip_or_siglip(count: Count, vision: Vision, layers: int, *, final_norm: bool = True) -> None:
    """A CLIP or SigLIP encoder, without the final norm where its last layers are left out."""
    hidden = vision.hidden
    siglip = "siglip" in str(vision.config.get("model_type", ""))
    count.linear(vision.patch_inputs, hidden, bias=siglip)
    count.whole += hidden * (vision.patches + (0 if siglip else 1))
    count.whole += 0 if siglip else hidden + 2 * hidden
    count.tables += 8 * (vision.patches + (0 if siglip else 1))
    encoder(count, vision, layers)
    if final_norm and layers == vision.layers:
        count.whole += 2 * hidden


def pixtral_encoder(count: Count, vision: Vision, layers: int) -> None:
    """Pixtral: gated, without biases, one norm before."""
    count.linear(vision.patch_inputs, vision.hidden, bias=False)
    count.whole += vision.hidden
    encoder(count, vision, layers, gated=True, bias=False, norms=2)
