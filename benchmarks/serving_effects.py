"""What each way of serving does to the same questions, as ratios: with it over without."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from .serving_client import Answer, Clients, Question
from .serving_counters import Counters, Counts
from .serving_figures import Figure, Samples
from .serving_models import BLOCK_TOKENS, CONCURRENCY, CONTEXT_TOKENS
from .serving_prompts import conversations, output_lengths, shared_part, trace, words

MS = 1e3


@dataclass(frozen=True)
class Bench:
    """What a measurement works with."""

    clients: Clients
    counters: Counters
    tell: Callable[[str], None]
    """Shows how far it is."""
    times: float = 1.0
    """How much is measured; 1 is what the documented figures are from."""

    def rounds(self, count: int) -> int:
        """So many rounds, or fewer where less is to be measured."""
        return max(2, round(count * self.times))

    async def warm(self, *models: str) -> None:
        """Let each replica do once what takes longer the first time."""
        for number in range(4):
            for model in models:
                await self.clients.ask(model, Question(words(number - 10, 200), 8))


def in_turn(first: str, second: str, number: int) -> tuple[str, str]:
    """Who goes first changes with each round, as both orders have their luck."""
    return (first, second) if number % 2 else (second, first)


async def prefix_affinity(bench: Bench) -> list[Figure]:
    """Conversations over two replicas: each to the one that knows it, or to the less busy one."""
    rates: dict[str, Samples] = {"by-prefix": [], "by-load": []}
    first_tokens: dict[str, Samples] = {"by-prefix": [], "by-load": []}
    ideal: Samples = []
    await bench.warm(*rates)
    draws = bench.rounds(3)
    for draw in range(draws):
        # Other conversations each time, of which no replica has anything but the common first block.
        prompts = conversations(trace(), 0.03 * min(1.0, bench.times), draw, CONTEXT_TOKENS - 100)
        ideal.append(shared_part(prompts, BLOCK_TOKENS))
        questions = [Question(prompt, 2) for prompt in prompts]
        for model in in_turn(*rates, draw):
            bench.tell(f"draw {draw + 1} of {draws}, {model}: {len(questions)} questions")
            before = bench.counters.now(model)
            answers = await bench.clients.ask_all(model, questions, CONCURRENCY)
            added = bench.counters.since(before, model, answers)
            rates[model].append(added.hit_tokens / added.queried_tokens)
            first_tokens[model].append(MS * median(each.ttft_s for each in answers))
    return [
        Figure.of_pairs("tokens found in the prefix cache, part of all", *rates.values()),
        Figure.of_pairs("the same, of what one endless cache would find", rates["by-prefix"], ideal),
        Figure.of_pairs("TTFT P50, ms", *first_tokens.values()),
    ]


async def chunked_prefill(bench: Bench) -> list[Figure]:
    """A stream runs while a long prompt is read, in pieces or at once."""
    gaps: dict[str, Samples] = {"base": [], "unchunked": []}
    reads: dict[str, Samples] = {"base": [], "unchunked": []}
    usual: dict[str, Samples] = {"base": [], "unchunked": []}
    await bench.warm(*gaps)
    rounds = bench.rounds(12)
    for number in range(rounds):
        bench.tell(f"long prompt {number + 1} of {rounds}")
        for model in in_turn(*gaps, number):
            stream, long = await _interrupted(bench.clients, model, number)
            gaps[model].append(MS * stream.longest_gap_s(long.asked_s, long.done_s))
            usual[model].append(MS * stream.longest_gap_s(stream.asked_s, long.asked_s))
            reads[model].append(MS * long.ttft_s)
    return [
        Figure.of_pairs("longest gap in a stream while a long prompt is read, ms", *gaps.values()),
        Figure.of_pairs("the same before the long prompt came, ms", *usual.values()),
        Figure.of_pairs("TTFT of the long prompt, ms", *reads.values()),
    ]


async def _interrupted(clients: Clients, model: str, number: int) -> tuple[Answer, Answer]:
    """A stream, and a long prompt that came when 40 tokens of it were there."""
    times: Samples = []
    stream = asyncio.create_task(clients.ask(model, Question(words(3000 + number, 50), 300), pieces_s=times))
    while len(times) < 40 and not stream.done():
        await asyncio.sleep(0.002)
    long = await clients.ask(model, Question(words(4000 + number, CONTEXT_TOKENS - 200), 1))
    return await stream, long


async def continuous_batching(bench: Bench) -> list[Figure]:
    """Answers of mixed lengths: the next question as soon as one is answered, or when all eight are."""
    speeds: tuple[Samples, Samples] = ([], [])
    steps: tuple[Samples, Samples] = ([], [])
    await bench.warm("base")
    rounds = bench.rounds(4)
    for number in range(rounds):
        lengths = output_lengths(trace(), 8 * CONCURRENCY, number)
        questions = [Question(words(5000 + index, 40), length) for index, length in enumerate(lengths)]
        for how in (0, 1) if number % 2 else (1, 0):
            bench.tell(f"round {number + 1} of {rounds}, {('continuous', 'static')[how]}")
            before, start = bench.counters.now("base"), time.perf_counter()
            size = CONCURRENCY if how else len(questions)
            answers = [
                answer
                for first in range(0, len(questions), size)
                for answer in await bench.clients.ask_all(
                    "base", questions[first : first + size], CONCURRENCY
                )
            ]
            seconds = time.perf_counter() - start
            speeds[how].append(sum(each.tokens for each in answers) / seconds)
            steps[how].append(bench.counters.since(before, "base", answers).steps_per_token)
    return [
        Figure.of_pairs("tokens a second", *speeds),
        Figure.of_pairs("steps of the engine a token", *steps),
    ]


async def prefix_cache(bench: Bench) -> list[Figure]:
    """Questions about the same long text: all but the first of them, with the cache and without."""
    models = ("base", "uncached")
    first_tokens: dict[str, Samples] = {model: [] for model in models}
    answers: dict[str, list[Answer]] = {model: [] for model in models}
    await bench.warm(*models)
    before = {model: bench.counters.now(model) for model in models}
    texts = bench.rounds(6)
    for text in range(texts):
        bench.tell(f"text {text + 1} of {texts}")
        for number in range(9):
            question = Question(words(6000 + text, 3000) + words(7000 + number, 100), 2)
            for model in in_turn(*models, number):
                answer = await bench.clients.ask(model, question)
                answers[model].append(answer)
                if number:
                    first_tokens[model].append(MS * answer.ttft_s)
    found = [_hit_rate(bench.counters.since(before[each], each, answers[each])) for each in models]
    return [
        Figure.of_many(
            f"TTFT P50, ms; {found[0]:.0%} of the tokens found, {found[1]:.0%} without",
            *first_tokens.values(),
        )
    ]


def _hit_rate(counts: Counts) -> float:
    return counts.hit_tokens / counts.queried_tokens if counts.queried_tokens else 0.0


async def speculation(bench: Bench) -> list[Figure]:
    """The same questions one by one, with drafts from the words so far and without."""
    models = ("speculating", "base")
    await bench.warm(*models)
    steps: dict[str, Samples] = {model: [] for model in models}
    times: dict[str, Samples] = {model: [] for model in models}
    drafted = accepted = 0.0
    asked = same = 0
    rounds = bench.rounds(5)
    for number in range(rounds):
        bench.tell(f"round {number + 1} of {rounds}")
        questions = [Question(words(8000 + 8 * number + index, 60), 64) for index in range(8)]
        written: dict[str, Sequence[str]] = {}
        for model in in_turn(*models, number):
            before, start = bench.counters.now(model), time.perf_counter()
            answers = await bench.clients.ask_all(model, questions, 1)
            times[model].append(time.perf_counter() - start)
            added = bench.counters.since(before, model, answers)
            steps[model].append(added.steps_per_token)
            written[model] = [each.text for each in answers]
            drafted, accepted = drafted + added.drafted_tokens, accepted + added.accepted_tokens
        asked += len(questions)
        same += sum(one == other for one, other in zip(*written.values(), strict=True))
    return [
        Figure.of_pairs(
            f"steps of the engine a token; {same} of {asked} answers the same, "
            f"{accepted / max(1, drafted):.0%} of the drafts accepted",
            *steps.values(),
        ),
        Figure.of_pairs("time for the same answers, s", *times.values()),
    ]
