"""Which words of a command start vLLM's server."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from .parsed import Entry

MODULES = frozenset(("vllm.entrypoints.openai.api_server", "vllm.entrypoints.launchers.api_server.entry"))
"""What `python -m` may name; the first is the old place, which still works in 0.29."""
MAIN = "vllm.entrypoints.cli.main"
PYTHON = re.compile(r"python[0-9.]*")


class Started(NamedTuple):
    """A server that a command starts."""

    entry: Entry
    begin: int
    """Index of the first word that the server itself reads."""


def started(words: Sequence[str]) -> Started | None:
    """The server that a command starts, whatever stands before it (`exec`, `env A=b`, `nohup`, a wrapper).

    None where it starts none: another program, another subcommand of vLLM, or nothing.
    """
    for index, word in enumerate(words):
        name = word.rsplit("/", 1)[-1]
        rest = list(words[index + 1 :])
        if name == "vllm" and rest[:1] == ["serve"]:
            return Started("serve", index + 2)
        if PYTHON.fullmatch(name):
            flags = next((at for at, flag in enumerate(rest) if not _lone_flag(flag)), len(rest))
            match rest[flags : flags + 3]:
                case ["-m", module, *_] if module in MODULES:
                    return Started("api_server", index + 1 + flags + 2)
                case ["-m", module, "serve"] if module == MAIN:
                    return Started("serve", index + 1 + flags + 3)
                case _:
                    pass
    return None


def _lone_flag(word: str) -> bool:
    """Whether Python's own option stands alone: -u, -O, but not -m."""
    return word.startswith("-") and word != "-m"
