"""What our application adds to Ray's own: the same question to both, and to a third that is Ray's again."""

from collections.abc import Callable, Mapping

from .serving_client import Answer, Question
from .serving_effects import MS, Bench
from .serving_figures import Figure, Samples
from .serving_models import COPILOT, OURS_AND_RAYS
from .serving_prompts import words

PROMPT_TOKENS, ANSWER_TOKENS = 500, 32
WARM_UP = 15
LIMIT = 1.03
"""Most that the P50 of ours may be of Ray's."""
QUANTILES = {"P50": 0.5, "P95": 0.95}
ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 0, 2))
"""All of them in turn: whoever comes after the same other as often is neither helped nor hindered."""
MEASURED: Mapping[str, tuple[bool, Callable[[Answer], float]]] = {
    "TTFT": (True, lambda answer: answer.ttft_s),
    "whole stream": (True, lambda answer: answer.whole_s),
    "whole answer, no stream": (False, lambda answer: answer.whole_s),
}


async def added_latency(bench: Bench) -> list[Figure]:
    """One question at a time: P50 and P95 of ours over Ray's, and of Ray's over Ray's."""
    samples: dict[str, dict[str, Samples]] = {what: {name: [] for name in OURS_AND_RAYS} for what in MEASURED}
    rounds = bench.rounds(600)
    for number in range(-WARM_UP, rounds):
        if number % 10 == 0:
            bench.tell(f"{max(0, number)} of {rounds} questions")
        stream = number % 3 != 0
        # Of its own length alone, so that no cache knows it.
        question = Question(words(9000 + number, PROMPT_TOKENS), ANSWER_TOKENS, stream)
        for which in ORDERS[number // 3 % len(ORDERS)]:
            name = OURS_AND_RAYS[which]
            answer = await bench.clients.ask(COPILOT, question, prefix=f"/{name}")
            if number < 0:
                continue
            for what, (streamed, figure) in MEASURED.items():
                if streamed == stream:
                    samples[what][name].append(MS * figure(answer))
    return [
        Figure.of_many(f"{what} {name}, ms{told}", found[this], found["rays"], quantile)
        for this, told in (("ours", ""), ("rays-again", ", Ray's beside Ray's"))
        for name, quantile in QUANTILES.items()
        for what, found in samples.items()
    ]
