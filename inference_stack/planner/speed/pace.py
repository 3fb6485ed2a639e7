"""Work divided by what silicon reaches: the seconds of a step as a function of its tokens."""

from dataclasses import dataclass
from typing import NamedTuple

from ..replica import Replica
from .constants import Constants, era, factor, traits
from .work import Work, work

SHARPNESS = 3
"""How reading and computing overlap: the larger of both, rounded off where they are near (p-norm)."""
PCIE_GB_S = {"Ampere": 64.0, "Ada": 64.0}
NEWER_PCIE_GB_S = 128.0
"""What PCIe Gen4 and Gen5 ×16 move in both directions together, for GPUs without another link."""


class Step(NamedTuple):
    """Seconds of a step by what they are spent on."""

    reading: float
    """Weights, KV cache and states from memory."""
    computing: float
    talking: float
    """All-reduces."""
    overhead: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.reading + self.computing + self.talking + self.overhead


@dataclass(frozen=True, slots=True)
class Pace:
    """A replica's seconds: (read, per token) of products, (read, per token, missed) of experts,
    (window, per cached token read, per pair decoded, per pair of a prompt) of attention."""

    products: tuple[tuple[float, float], ...]
    head: tuple[float, float]
    mixtures: tuple[tuple[float, float, float], ...]
    caches: tuple[tuple[float, float, float, float], ...]
    state_s: float
    overhead_s: float
    sequence_s: float
    message_s: float
    message_token_s: float
    expert_spread: float
    stages: int

    def step(self, batch: float, context: float, prompt_tokens: float = 0.0) -> Step:
        """A step that decodes `batch` requests of `context` tokens and reads in so many tokens of prompts."""
        rows = batch / self.stages
        tokens = rows + prompt_tokens / self.stages
        reading, computing = rows * self.state_s, 0.0
        parts = [(read, token * tokens) for read, token in self.products]
        parts.append((self.head[0], self.head[1] * rows))
        for read, token, missed in self.mixtures:
            # Expected part of the experts that at least one token picks.
            touched = 1 - missed ** (tokens**self.expert_spread)
            parts.append((read * touched, token * tokens))
        for window, read, pair, _ in self.caches:
            cached = rows * min(window, context)
            parts.append((cached * read, cached * pair))
        for read, compute in parts:
            both = (read**SHARPNESS + compute**SHARPNESS) ** (1 / SHARPNESS)
            if read >= compute:
                reading += both
            else:
                computing += both
        talking = self.message_s + tokens * self.message_token_s
        return Step(reading, computing, talking, self.overhead_s + batch * self.sequence_s)

    def prompt(self, prompt_tokens: float) -> float:
        """Seconds of a prompt's own arithmetic and messages, as if no step read anything."""
        each = sum(token for _, token in self.products) + sum(token for _, token, _ in self.mixtures)
        each += self.message_token_s
        return each * prompt_tokens / self.stages + self.attention(prompt_tokens)

    def attention(self, prompt_tokens: float) -> float:
        """Seconds in which a prompt attends to itself."""
        total = 0.0
        for window, _, _, pair in self.caches:
            seen = min(window, prompt_tokens)
            total += pair * (seen * seen / 2 + seen * (prompt_tokens - seen))
        return total / self.stages


def pace(replica: Replica, constants: Constants) -> Pace:
    """What the constants make of a replica's work."""
    asked, unit = work(replica), replica.silicon
    found = traits(unit)
    memory = unit.bandwidth_tb_s * 1e12
    weights = memory * constants.bandwidth * factor(constants.bandwidth_of, found)
    rate = constants.compute * factor(constants.compute_of, found)

    def reads(kind: str, size: float) -> float:
        return size / (weights * constants.bandwidth_of.get(kind, 1.0))

    def computes(kind: str, seconds: float) -> float:
        return seconds / (rate * constants.compute_of.get(kind, 1.0))

    experts_read = constants.bandwidth_of["experts"]
    experts_compute = constants.compute_of["experts"]
    cache = memory * constants.cache_bandwidth
    attends = constants.attention_compute * factor(constants.compute_of, found)
    slower = factor(constants.overhead_of, (*found, era(replica)))
    message_s, message_token_s = _messages(replica, asked, constants)
    steps = constants.step_s * replica.pipeline_parallel
    return Pace(
        products=tuple(
            (reads(p.precision, p.read_bytes), computes(p.precision, p.token_seconds)) for p in asked.products
        ),
        head=(
            reads(asked.head.precision, asked.head.read_bytes),
            computes(asked.head.precision, asked.head.token_seconds),
        ),
        mixtures=tuple(
            (
                reads(m.precision, m.read_bytes) / experts_read,
                computes(m.precision, m.token_seconds) / experts_compute,
                m.missed,
            )
            for m in asked.mixtures
        ),
        caches=tuple(
            (c.window, c.token_bytes / cache, c.decode_seconds / attends, c.prefill_seconds / attends)
            for c in asked.caches
        ),
        state_s=asked.state_bytes / cache,
        overhead_s=slower * (steps + constants.kernel_s * asked.kernels),
        sequence_s=constants.sequence_s,
        message_s=message_s,
        message_token_s=message_token_s,
        expert_spread=constants.expert_spread,
        stages=replica.pipeline_parallel,
    )


def _messages(replica: Replica, asked: Work, constants: Constants) -> tuple[float, float]:
    """Seconds of all all-reduces of a step, and what each token adds."""
    link = replica.silicon.link_gb_s
    if link is None:
        card = PCIE_GB_S.get(replica.silicon.generation, NEWER_PCIE_GB_S)
        moved, latency = card * constants.pcie, constants.pcie_s
    else:
        moved, latency = link * constants.nvlink, constants.nvlink_s
    # Link rates count both directions.
    return asked.messages * latency, asked.messages * asked.message_bytes / (moved / 2 * 1e9)
