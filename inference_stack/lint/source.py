"""A file's text, and where in it each piece of what was read stands."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from inference_stack.engine.command_line import NOT_KNOWN
from inference_stack.spec import Finding

LINE_END = re.compile(r"\r\n|\n|\r")


class Place(NamedTuple):
    """Where a token stands: line and column count from 1, the length in characters ends with its line."""

    line: int
    column: int
    length: int


class Spot(NamedTuple):
    """A finding, and the offsets between which lies what it is about."""

    finding: Finding
    start: int
    end: int


@dataclass(frozen=True)
class Source:
    """The text of one file."""

    name: str
    """As it is told to the reader: a path, or `<stdin>`."""
    text: str

    @cached_property
    def _ends(self) -> list[tuple[int, int]]:
        return [match.span() for match in LINE_END.finditer(self.text)]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end for _, end in self._ends)]

    def place(self, start: int, end: int) -> Place:
        """The place of what lies between two offsets."""
        line = bisect_right(self._starts, start)
        # An end of line of two characters has no place between them.
        start = min(start, self._line_end(line))
        return Place(line, start - self._starts[line - 1] + 1, max(1, min(end, self._line_end(line)) - start))

    def line(self, number: int) -> str:
        """A line without its end."""
        return self.text[self._starts[number - 1] : self._line_end(number)]

    def _line_end(self, number: int) -> int:
        return self._ends[number - 1][0] if number <= len(self._ends) else len(self.text)


@dataclass(frozen=True)
class Traced:
    """A text that was read out of a file, with the place of each of its characters there."""

    value: str
    """NOT_KNOWN stands in it for what only shows where it runs."""
    offsets: Sequence[int]
    """As many as `value` has characters."""
    token: tuple[int, int]
    """What stands for it in the file, quotes included: first offset, and the one after the last."""
    origin: str = ""
    """Path of the value of a YAML document that it comes from."""

    @property
    def known(self) -> bool:
        """Whether all of it is as it will be where it runs."""
        return NOT_KNOWN not in self.value

    def part(self, start: int, end: int) -> "Traced":
        """A piece of it, by its characters."""
        offsets = self.offsets[start:end]
        here = (offsets[0], offsets[-1] + 1) if offsets else self.token
        return Traced(self.value[start:end], offsets, here, self.origin)

    def at(self, token: tuple[int, int]) -> "Traced":
        """The same text, which stands there for the reader."""
        return Traced(self.value, self.offsets, token, self.origin)

    def unknown(self) -> "Traced":
        """What stands in its place where nobody knows what it becomes."""
        return Traced(NOT_KNOWN, [self.token[0]], self.token, self.origin)


ReadText = Callable[[Traced, str], Iterator[Spot]]
"""What is wrong with a text of a file of this name, which may be anything."""


def whole(source: Source) -> Traced:
    """All of a file."""
    length = len(source.text)
    return Traced(source.text, range(length), (0, length))


def joined(pieces: Sequence[Traced], token: tuple[int, int]) -> Traced:
    """One text of several that follow each other."""
    value = "".join(piece.value for piece in pieces)
    origin = pieces[0].origin if pieces else ""
    return Traced(value, [at for piece in pieces for at in piece.offsets], token, origin)


def spaced(words: Sequence[Traced], token: tuple[int, int]) -> Traced:
    """Several words as one, blanks between them."""
    blanks = (Traced(" ", [word.token[0]], word.token, word.origin) for word in words)
    pieces = [piece for pair in zip(blanks, words, strict=True) for piece in pair]
    return joined(pieces[1:], token)
