"""What option a word of a command line names: exact, cut short, joined with its value, or none.

The rules are those of Python's argparse, which vLLM builds on. They are written out here because argparse
ends at the first fault, and tells neither at which word nor what it would have read after it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inference_stack.engine.arguments import Argument, engine_version

from .parsed import NOT_KNOWN

HELP = Argument(name="help", group="serve", kinds=("boolean",), flags=("-h", "--help"), parse="flag")
NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")


@dataclass(frozen=True)
class Option:
    """A word that names one option."""

    argument: Argument
    flag: str
    """The option in full, of the several that an argument may have: --no-enable-lora."""
    written: str
    """The option as written, without a value."""
    value: str | None
    """What stands in the same word: after =, or joined to a short option."""

    @property
    def abbreviated(self) -> bool:
        """Whether only a prefix of it was written."""
        return self.written != self.flag


@dataclass(frozen=True)
class Ambiguous:
    """A word that several options begin with."""

    written: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Unknown:
    """A word that has the form of an option and names none."""

    written: str
    value: str | None


@dataclass(frozen=True)
class Hidden:
    """A word whose name is not known to the reader."""


Word = Option | Ambiguous | Unknown | Hidden | None
"""What a word is; None for a value."""


@cache
def flags(version: str) -> Mapping[str, Argument]:
    """Every option of `vllm serve` of a version, in full, with its argument."""
    arguments = (HELP, *engine_version(version).options.values())
    return {flag: argument for argument in arguments for flag in argument.flags}


def word(version: str, text: str) -> Word:
    """What argparse takes a word for, where no `--` stands before it."""
    known = flags(version)
    if not text.startswith("-") or len(text) == 1:
        return None
    if text in known:
        return Option(known[text], text, text, None)
    name, equals, value = text.partition("=")
    given = value if equals else None
    if NOT_KNOWN in name:
        return Hidden()
    if name in known:
        return Option(known[name], name, name, given)
    meant = _meant(version, text)
    if len(meant) > 1:
        return Ambiguous(name, tuple(one.flag for one in meant))
    if meant:
        return meant[0]
    if NEGATIVE_NUMBER.fullmatch(text) or " " in text:
        return None
    return Unknown(name, given)


def _meant(version: str, text: str) -> list[Option]:
    """Options that a word may stand for, in the order of argparse."""
    known = flags(version)
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        given = value if equals else None
        return [Option(known[flag], flag, name, given) for flag in known if flag.startswith(name)]
    short, rest = text[:2], text[2:]
    joined = [Option(known[short], short, short, rest)] if short in known else []
    return joined + [
        Option(known[flag], flag, text, None) for flag in known if flag != short and flag.startswith(text)
    ]
