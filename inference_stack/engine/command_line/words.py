"""What vLLM makes of the words of a command line before argparse sees them.

Source: FlexibleArgumentParser.parse_args in vllm/utils/argparse_utils.py of 0.29.0.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from .parsed import NOT_KNOWN
from .values import BEYOND, human

BEFORE_DOT = re.compile(r"(?<=--)[^\.]*")
"""Between the dashes and the first dot: where an underscore is as good as a dash."""
LEVELS = frozenset("0123")
"""What may stand as a word of its own after -O."""


class Placed(NamedTuple):
    """A word and where it was written."""

    text: str
    at: int
    """Index in the argv that was given."""


def rewritten(words: Sequence[Placed]) -> list[Placed]:
    """Options with dashes for underscores, -O3 in full, and dotted parts put together to one object.

    Raises IndexError, as vLLM does, where a dotted option is the last word.
    """
    return _objects(_spelled_out(words))


def _spelled_out(words: Sequence[Placed]) -> list[Placed]:
    result: list[Placed] = []
    for index, (text, at) in enumerate(words):
        if text.startswith("--help="):
            result.append(Placed("--help", at))
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            dashed = BEFORE_DOT.sub(lambda match: match[0].replace("_", "-"), name, count=1)
            result.append(Placed(dashed + equals + value, at))
        elif text.startswith("-O") and text != "-O":
            level = text[3:] if text[2] == "=" else text[2:]
            result += [Placed("--optimization-level", at), Placed(level, at)]
        elif text == "-O" and index + 1 < len(words) and words[index + 1].text in LEVELS:
            result.append(Placed("--optimization-level", at))
        else:
            result.append(Placed(text, at))
    return result


def _objects(words: Sequence[Placed]) -> list[Placed]:
    result: list[Placed] = []
    objects: dict[str, dict[str, Any]] = {}
    places: dict[str, int] = {}
    index = 0
    while index < len(words):
        text, at = words[index]
        index += 1
        name, equals, value = text.partition("=")
        if not text.startswith("-") or "." not in name:
            result.append(words[index - 1])
            continue
        if not equals:
            value = words[index].text
            index += 1
        if appends := name.endswith("+"):
            name = name[:-1]
        key, *keys = name.split(".")
        part = value.split(",") if appends else _read(value)
        _merge(objects.setdefault(key, {}), _nested(keys, part))
        places.setdefault(key, at)
    for key, value in objects.items():
        # NOT_KNOWN must stay to be seen in the text.
        result += [Placed(key, places[key]), Placed(json.dumps(value, ensure_ascii=False), places[key])]
    return result


def _read(text: str) -> Any:
    if NOT_KNOWN in text:
        return text
    for read in (json.loads, human):
        try:
            return read(text)
        except BEYOND:
            continue
    return text


def _nested(keys: Sequence[str], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Objects go into objects, lists are joined; of anything else the last counts."""
    for key, value in more.items():
        there = into.get(key)
        if isinstance(value, Mapping) and isinstance(there, dict):
            _merge(cast("dict[str, Any]", there), cast("Mapping[str, Any]", value))
        elif isinstance(value, list) and isinstance(there, list):
            into[key] = [*cast("list[Any]", there), *cast("list[Any]", value)]
        else:
            into[key] = value
