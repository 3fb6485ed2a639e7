"""The text of a YAML value, with the place of each of its characters in the file."""

import re
from collections.abc import Iterator

import yaml

from .source import Traced

UNIT = re.compile(r"\\(?:x..|u....|U........|\r?\n|.)|.", re.DOTALL)
"""What a text in double quotes is made of."""
NAMED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", "a": "\a", "b": "\b", "v": "\v", "f": "\f"}


def traced_scalar(text: Traced, node: yaml.ScalarNode, path: str) -> Traced:
    """The value of `node`, which was read out of `text`; `path` tells where it lies in the document.

    Exact but for blanks: where YAML folds lines or takes off an indentation, a blank of the value is placed
    right behind what stands before it.
    """
    begin, end = node.start_mark.index, node.end_mark.index
    raw = text.part(begin, end)
    inner = raw.part(1, len(raw.value) - 1) if node.style in {'"', "'"} else raw
    if inner.value == node.value:
        return Traced(node.value, inner.offsets, raw.token, path)
    if node.style in {"|", ">"}:
        # Its first line holds no text but the indicator, and perhaps a comment.
        line = inner.value.find("\n") + 1
        inner = inner.part(line, len(inner.value)) if line else inner
    offsets = (node.style == "|" and _by_lines(inner, node.value)) or _by_characters(inner, node)
    return Traced(node.value, offsets, raw.token, path)


def _by_lines(raw: Traced, value: str) -> list[int] | None:
    """Places of a text that stands line by line as it is, indented; None where it does not."""
    offsets: list[int] = []
    at = 0
    for line in value.splitlines(keepends=True):
        end = raw.value.find("\n", at) + 1 or len(raw.value)
        shown = line.rstrip("\r\n")
        written = raw.value[at:end].rstrip("\r\n")
        if not written.endswith(shown):
            return None
        begin = at + len(written) - len(shown)
        offsets += raw.offsets[begin : begin + len(shown)]
        # An end of line of two characters is one to YAML.
        offsets += [raw.offsets[min(begin + len(shown), len(raw.value) - 1)]] * (len(line) - len(shown))
        at = end
    return offsets


def _by_characters(raw: Traced, node: yaml.ScalarNode) -> list[int]:
    units = (unit for unit in _units(raw.value, node.style == '"') if not unit[0].isspace())
    offsets: list[int] = []
    at = raw.token[0]
    for character in node.value:
        if not character.isspace():
            # Single quotes are written twice; all others follow each other as they are written.
            at = next((raw.offsets[place] for shown, place in units if shown == character), at)
            offsets.append(at)
        else:
            offsets.append(min(at + 1, raw.token[1] - 1) if offsets else at)
    return offsets


def _units(raw: str, escapes: bool) -> Iterator[tuple[str, int]]:
    """Each character that a raw text stands for, with where it is written."""
    if not escapes:
        yield from ((character, place) for place, character in enumerate(raw))
        return
    for match in UNIT.finditer(raw):
        unit = match.group()
        if len(unit) == 1:
            yield unit, match.start()
        elif len(unit) > 2 and unit[1] in "xuU":
            code = int(unit[2:], 16)
            yield chr(code) if code < 0x110000 else " ", match.start()
        else:
            yield NAMED.get(unit[1], unit[1]), match.start()
