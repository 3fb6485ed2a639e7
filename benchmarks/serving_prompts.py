"""Prompts with the lengths and the shared beginnings of a recorded trace, made small.

Mooncake's trace has for each prompt the ids of its blocks of 512 tokens: equal ids, equal beginnings. Here an
id stands for so many random characters; the small models read a character as a token.
"""

import csv
import gzip
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TRACE = Path(__file__).parents[2] / "shared" / "data" / "traces" / "mooncake_conversation.csv.gz"
BLOCK_TOKENS = 512
SMALLER = 8
"""By which every length of the trace is divided."""
LETTERS = string.ascii_letters + string.digits + " "


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request of the trace."""

    prompt_tokens: int
    output_tokens: int
    blocks: tuple[int, ...]

    @property
    def conversation(self) -> tuple[int, ...]:
        """What tells its conversation from others: the first block is the same in all of them."""
        return self.blocks[:2]

    @property
    def prompt(self) -> str:
        """Its small prompt."""
        return "".join(map(_text, self.blocks))[: self.prompt_tokens // SMALLER]


@cache
def _text(block: int) -> str:
    return words(block, BLOCK_TOKENS // SMALLER)


def words(seed: int, length: int) -> str:
    """So many characters, the same for the same seed."""
    return "".join(random.Random(seed).choices(LETTERS, k=length))  # noqa: S311


@cache
def trace() -> tuple[Recorded, ...]:
    """Every request of the trace, in order."""
    with gzip.open(TRACE, "rt", encoding="utf-8") as file:
        return tuple(
            Recorded(
                int(row["prompt_tokens"]),
                int(row["output_tokens"]),
                tuple(map(int, row["hash_ids"].split())),
            )
            for row in csv.DictReader(file)
        )


def conversations(recorded: Sequence[Recorded], part: float, seed: int, longest: int) -> list[str]:
    """Small prompts of a part of the conversations, whole ones, in order; none longer than `longest`."""
    chance = random.Random(seed)  # noqa: S311
    fitting = [each for each in recorded if each.prompt_tokens // SMALLER <= longest]
    kept = {each for each in sorted({one.conversation for one in fitting}) if chance.random() < part}
    return [each.prompt for each in fitting if each.conversation in kept]


def output_lengths(recorded: Sequence[Recorded], count: int, seed: int) -> list[int]:
    """Small lengths of answers, drawn from the trace."""
    drawn = random.Random(seed).choices(recorded, k=count)  # noqa: S311
    return [max(1, each.output_tokens // SMALLER) for each in drawn]


def shared_part(prompts: Sequence[str], block: int) -> float:
    """Part of all characters that one cache would have held that forgets nothing, in whole blocks."""
    seen: set[str] = set()
    shared = 0
    for prompt in prompts:
        beginnings = list(_beginnings(prompt, block))
        shared += max((len(each) for each in beginnings if each in seen), default=0)
        seen.update(beginnings)
    return shared / sum(map(len, prompts))


def _beginnings(prompt: str, block: int) -> Iterator[str]:
    return (prompt[:end] for end in range(block, len(prompt) + 1, block))
