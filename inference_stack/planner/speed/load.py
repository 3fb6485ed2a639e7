"""What a replica is asked to serve, and the answer."""

from dataclasses import dataclass
from typing import Literal

Arrival = Literal["closed", "open", "burst"]


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of one shape that one replica serves."""

    concurrency: float
    """Requests in the system at once; with open arrivals the most there can be, which is all of the run."""
    prompt_tokens: float
    output_tokens: float
    arrival: Arrival = "closed"
    """closed: each client sends its next request once the last is answered; open: at `rate`, whatever comes;
    burst: all at once."""
    rate: float = 0.0
    """Requests a second; open arrivals only."""

    def __post_init__(self) -> None:
        """Raises ValueError for a load that cannot be."""
        for name in ("concurrency", "prompt_tokens", "output_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; allowed: ≥ 1")
        if (self.arrival == "open") != (self.rate > 0):
            raise ValueError(
                f"rate: {self.rate} with {self.arrival} arrivals; open arrivals need one, others none"
            )


@dataclass(frozen=True, slots=True)
class Range:
    """A figure, and where eight in ten measurements lie."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Speed:
    """What a client of the replica sees, and why."""

    ttft_ms: Range
    """Time to the first token."""
    tpot_ms: Range
    """Time of each further token."""
    output_tok_s: Range
    """Of all requests together."""
    bottleneck: str
    """memory, decode bandwidth, prefill compute, decode compute, interconnect or overhead."""
    calibration: str
    """What the figures rest on, one sentence."""
    batch: float
    """Requests that run at once; the others wait."""
