"""From the seconds of steps to what a client sees: batching, chunked prefill, queues.

Waiting is counted, not simulated. A request's life is TTFT + output × TPOT; in that time every other running
request is replaced once, so each token carries its part of the others' prompts.
"""

from dataclasses import dataclass
from math import ceil, exp, log, sqrt

from .constants import Constants
from .load import Load
from .pace import Pace, Step

LEAST_CHUNK = 1 / 8
"""Of max_num_batched_tokens: what is left to prompts beside decoding requests, at least."""
SETTLED = 1e-4
"""Part of it within which the concurrency of open arrivals is taken as found."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a batch."""

    requests: float
    """That fit the KV cache and max_num_seqs."""
    step_tokens: int
    """max_num_batched_tokens."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a client sees, and what it is made of, seconds."""

    ttft_s: float
    tpot_s: float
    in_system: float
    """Requests at once, waiting ones among them."""
    batch: float
    decode: Step
    """A step without prompts."""
    prompts_s: float
    """In each token, the prompts of others."""

    def life_s(self, output_tokens: float) -> float:
        """From a request to its last token."""
        return self.ttft_s + output_tokens * self.tpot_s

    def output_tok_s(self, output_tokens: float) -> float:
        """Of all requests: concurrency × output / (TTFT + TPOT × output)."""
        return self.in_system * output_tokens / self.life_s(output_tokens)


def serve(pace: Pace, load: Load, limits: Limits, constants: Constants) -> Served:
    """What the load's clients see of a replica at this pace."""
    if load.arrival != "open":
        return _at(pace, load, load.concurrency, limits, constants)
    # Little's law over a run of `concurrency` requests that begins and ends empty: in flight are at most all
    # that arrive while one is served, and fewer the shorter the run.
    low, high = 0.0, log(load.concurrency)
    # False position on logarithms, with the stale end's value halved (Illinois).
    left, right = (_excess(pace, load, end, limits, constants) for end in (low, high))
    if left <= 0:
        return _at(pace, load, 1.0, limits, constants)
    moved = 0
    while high - low > SETTLED:
        middle = low + (high - low) * left / (left - right)
        found = _excess(pace, load, middle, limits, constants)
        if abs(found) < SETTLED:
            low = middle
            break
        if found > 0:
            low, left, right, moved = middle, found, right / 2 if moved > 0 else right, 1
        else:
            high, right, left, moved = middle, found, left / 2 if moved < 0 else left, -1
    return _at(pace, load, exp(low), limits, constants)


def _excess(pace: Pace, load: Load, in_system: float, limits: Limits, constants: Constants) -> float:
    """Logarithm of the requests in flight over those assumed, both of them at `in_system`, a logarithm."""
    life = _at(pace, load, exp(in_system), limits, constants).life_s(load.output_tokens)
    arrived = load.rate * life
    return log(load.concurrency * arrived / (load.concurrency + arrived)) - in_system


def _at(pace: Pace, load: Load, in_system: float, limits: Limits, constants: Constants) -> Served:
    prompt, output = load.prompt_tokens, load.output_tokens
    batch = max(1.0, min(in_system, limits.requests))
    context = prompt + output / 2
    decode = pace.step(batch, context)
    own = _reading(pace, batch, context, prompt, limits.step_tokens, decode.seconds)
    first_s = own.steps * decode.seconds + own.seconds
    # Of the others' prompts a burst has half before its own first token, and half after.
    others = (batch - 1) / output * (0.5 if load.arrival == "burst" else 1.0)
    carried = _carried(pace, batch, context, prompt, own, others, decode.seconds)
    tpot = decode.seconds + carried
    # Steps that all prompts of a round take, beyond those in which its requests decode.
    behind = (batch - 1) * prompt / own.chunk - output
    ttft = max(first_s, behind * tpot)
    # A request holds its blocks from its first chunk on; a seat is free when another has left.
    held = ttft + output * tpot
    ttft += constants.request_s + constants.prompt_token_s * prompt + (1 - 1 / batch) * decode.seconds / 2
    # Prompts in one step share what it reads, but not the experts that only they wake.
    prompt_s = max(own.seconds, pace.prompt(prompt))
    ttft += _queue(load, in_system, batch, prompt_s, held, constants)
    if in_system > batch:
        waiting = (in_system - batch) / batch * held
        ttft += waiting if load.arrival == "closed" else waiting / 2
    return Served(ttft, tpot, in_system, batch, decode, carried)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a prompt is read in: steps it takes, and seconds beyond those of decoding alone."""

    steps: int
    chunk: float
    seconds: float


def _reading(
    pace: Pace, batch: float, context: float, prompt: float, step_tokens: int, decode_s: float
) -> _Reading:
    chunk = max(step_tokens - batch, step_tokens * LEAST_CHUNK)
    steps = ceil(prompt / chunk)
    seconds = pace.attention(prompt)
    if steps > 1:
        seconds += (steps - 1) * (pace.step(batch, context, chunk).seconds - decode_s)
    rest = prompt - (steps - 1) * chunk
    seconds += pace.step(batch, context, rest).seconds - decode_s
    return _Reading(steps, chunk, seconds)


def _carried(
    pace: Pace,
    batch: float,
    context: float,
    prompt: float,
    own: _Reading,
    prompts_a_step: float,
    decode_s: float,
) -> float:
    """Seconds of others' prompts in each token."""
    if prompts_a_step * own.steps <= 1:
        return prompts_a_step * own.seconds
    # Every step reads prompts, several in one where they are short.
    tokens = min(own.chunk, prompts_a_step * prompt)
    full = pace.step(batch, context, tokens).seconds - decode_s + pace.attention(prompt) * tokens / prompt
    return max(own.seconds / own.steps, full)


def _queue(
    load: Load, in_system: float, batch: float, prompt_s: float, held_s: float, constants: Constants
) -> float:
    """Seconds that a prompt waits behind others: at most behind half of them.

    Random arrivals wait W = queue × prompt × busy ÷ idle; with batch prompts in every held + W seconds,
    busy is batch × prompt ÷ (held + W), and W the positive root.
    """
    ahead = (batch - 1) / 2 * prompt_s
    if load.arrival == "burst":
        return ahead
    idle = (held_s - batch * prompt_s) / 2
    waiting = sqrt(idle * idle + constants.queue * batch * prompt_s * prompt_s) - idle
    if load.arrival == "open":
        return min(ahead, waiting)
    together = constants.first_wave * (in_system - 1) / 2 * prompt_s
    return min(ahead, waiting + constants.synchronised * prompt_s) + together
