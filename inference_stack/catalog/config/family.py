"""A family of models: how the fields of its config.json become the blocks of a decoder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

from ..architecture import Architecture, Attention, Block, Experts, FeedForward, Recurrent, Rotary
from . import rotary
from .fields import Fields

Mixer = Callable[[Fields, int], Attention | Recurrent | None]
AttentionReader = Callable[[Fields, int], Attention]
Width = Callable[[Fields, int], FeedForward | Experts | None]


def default_rotary(fields: Fields) -> tuple[Rotary, ...]:
    """One table for all layers."""
    return (rotary.table(fields, fields.head_dim),)


def no_rotary(_fields: Fields) -> tuple[Rotary, ...]:
    """No table: learned positions, ALiBi or none at all."""
    return ()


def one(_fields: Fields, _layer: int) -> int:
    """Nothing beyond the norms."""
    return 0


@dataclass(frozen=True)
class Family:
    """What sets a model type apart from the others. Callables get the fields and a layer's number."""

    mixer: Mixer
    feed_forward: Width
    norms: int | Callable[[Fields, int], int] = 2
    norm_bias: bool = False
    final_norm: bool = True
    tied: bool = False
    """Whether embeddings are tied where the config does not say."""
    head_bias: bool = False
    embedding_norms: int = 0
    rotary: Callable[[Fields], tuple[Rotary, ...]] = default_rotary
    positions: Callable[[Fields], int] | None = None
    """Rows of a learned position table."""
    further: Callable[[Fields, int], int] = one
    further_float32: Callable[[Fields, int], int] = one
    outside: Callable[[Fields], int] | None = None
    """Small parameters outside the blocks."""
    beside: Callable[[Fields, int], Recurrent | None] | None = None
    ends_on_every_stage: bool = False
    """Whether vLLM's class keeps embedding, last norm and head on every stage of a pipeline."""
    layers: Callable[[Fields], int] | None = None
    """Blocks of the decoder where num_hidden_layers does not say."""
    embedding_size: Callable[[Fields], int] | None = None
    layer_embedding: Callable[[Fields], int] | None = None
    """Width of a token's embedding for each layer."""
    shares_kv: Callable[[Fields, int], bool] | None = None
    """Layers that read the keys and values of an earlier one."""

    def block(self, fields: Fields, layer: int) -> Block:
        """One layer."""
        mixer = self.mixer(fields, layer)
        if isinstance(mixer, Attention) and self.shares_kv and self.shares_kv(fields, layer):
            mixer = replace(mixer, shares_kv=True)
        return Block(
            mixer=mixer,
            feed_forward=self.feed_forward(fields, layer),
            norms=self.norms if isinstance(self.norms, int) else self.norms(fields, layer),
            norm_bias=self.norm_bias,
            beside=self.beside(fields, layer) if self.beside else None,
            extra=self.further(fields, layer),
            extra_float32=self.further_float32(fields, layer),
        )

    def read(self, fields: Fields) -> Architecture:
        """The architecture, without its towers."""
        layers = self.layers(fields) if self.layers else fields.layers
        blocks = [self.block(fields, layer) for layer in range(layers)]
        tied = fields.outer.get("tie_word_embeddings")
        if tied is None:
            tied = fields.get("tie_word_embeddings")
        return Architecture(
            model_type=fields.model_type,
            hidden_size=fields.hidden,
            vocab_size=fields.number("vocab_size", "padded_vocab_size"),
            max_position_embeddings=fields.context,
            tied_embeddings=self.tied if tied is None else bool(tied),
            blocks=tuple((len(list(run)), block) for block, run in groupby(blocks)),
            final_norm=self.final_norm,
            ends_on_every_stage=self.ends_on_every_stage,
            final_norm_bias=self.norm_bias,
            head_bias=self.head_bias,
            embedding_norms=self.embedding_norms,
            learned_positions=self.positions(fields) if self.positions else 0,
            draft_blocks=fields.number("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0),
            rotary=self.rotary(fields),
            extra=self.outside(fields) if self.outside else 0,
            embedding_size=self.embedding_size(fields) if self.embedding_size else 0,
            layer_embedding=self.layer_embedding(fields) if self.layer_embedding else 0,
            layer_vocabulary=fields.number("vocab_size_per_layer_input", default=0),
        )
