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
    units = [unit for unit in _units(inner.value, node.style == '"') if not unit[0].isspace()]
    offsets: list[int] = []
    at = raw.token[0]
    waiting = iter(units)
    for character in node.value:
        if not character.isspace():
            # Single quotes are written twice; all others follow each other as they are written.
            at = next((inner.offsets[place] for shown, place in waiting if shown == character), at)
            offsets.append(at)
        else:
            offsets.append(min(at + 1, raw.token[1] - 1) if offsets else at)
    return Traced(node.value, offsets, raw.token, path)


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
