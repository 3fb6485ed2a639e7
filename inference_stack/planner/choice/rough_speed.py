"""A plain roofline, until the calibrated speed model stands. It goes when that comes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from inference_stack.catalog.architecture import Attention, Experts, FeedForward
from inference_stack.planner.memory.kv_cache import request_bytes
from inference_stack.planner.memory.weights import stage_weights_bytes
from inference_stack.planner.plan import Bottleneck
from inference_stack.planner.replica import Replica


class Load(NamedTuple):
    """What a replica works on."""

    concurrency: int
    prompt_tokens: int
    output_tokens: int


class Figure(NamedTuple):
    """A prediction with its range."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a replica is."""

    ttft_ms: Figure
    tpot_ms: Figure
    output_tok_s: Figure
    bottleneck: Bottleneck
    calibration: str


@lru_cache(maxsize=65536)
def speed(replica: Replica, load: Load) -> Speed:
    """Bandwidth-bound decode beside compute-bound prefill."""
    silicon, width = replica.silicon, replica.tensor_parallel
    weights = sum(stage_weights_bytes(replica))
    active = weights * _active(replica)
    touched = weights * min(1.0, _active(replica) * max(1.0, load.concurrency**0.7))
    kv = request_bytes(replica, load.prompt_tokens + load.output_tokens // 2) * load.concurrency
    bandwidth = silicon.bandwidth_tb_s * 1e12 * 0.7
    read_ms = 1000 * (touched + kv) / bandwidth + 1.5
    bits = 8 if replica.layout.compute == "fp8" and silicon.fp8_tflops else 16
    rate = 1e12 * 0.5 * ((silicon.fp8_tflops or 0) if bits == 8 else silicon.bf16_tflops)
    flops_per_token = 2 * active / (replica.layout.bits / 8)
    prefill_ms = 1000 * load.prompt_tokens * flops_per_token / rate + 20
    links = replica.model.layers * 2 * replica.model.hidden_size * 2
    link = (silicon.link_gb_s or 50) * 1e9 * 0.3
    talk_ms = 0.0 if width == 1 else 1000 * links * load.concurrency / link + 0.02 * replica.model.layers
    tpot = read_ms + talk_ms + prefill_ms * load.concurrency / load.output_tokens
    ttft = prefill_ms * (1 + load.concurrency / 16) + read_ms
    parts = {
        "decode bandwidth": read_ms,
        "interconnect": talk_ms,
        "prefill compute": prefill_ms * load.concurrency / load.output_tokens,
    }
    bottleneck: Bottleneck = max(parts, key=lambda part: parts[part])  # type: ignore[assignment]
    rate_out = 1000 * load.concurrency * load.output_tokens / (ttft + tpot * load.output_tokens)
    return Speed(
        _range(ttft, 2), _range(tpot, 1.4), _range(rate_out, 1.4), bottleneck, "roofline, not calibrated"
    )


def _range(value: float, spread: float) -> Figure:
    return Figure(value, value / spread, value * spread)


def _active(replica: Replica) -> float:
    total = used = 0.0
    hidden = replica.model.hidden_size
    for count, block in replica.model.blocks:
        mixer, feed = block.mixer, block.feed_forward
        if isinstance(mixer, Attention):
            each = hidden * mixer.head_dim * 2 * (mixer.heads + mixer.kv_heads)
            total, used = total + count * each, used + count * each
        if isinstance(feed, Experts):
            total += count * 3 * hidden * (feed.count * feed.width + feed.shared_width)
            used += count * 3 * hidden * (feed.per_token * feed.width + feed.shared_width)
        elif isinstance(feed, FeedForward):
            total, used = total + count * 3 * hidden * feed.width, used + count * 3 * hidden * feed.width
    return used / total if total else 1.0
