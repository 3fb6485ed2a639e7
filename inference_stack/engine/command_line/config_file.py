"""The YAML file that `--config` names, as the words that vLLM makes of it.

Source: FlexibleArgumentParser.load_config_file in vllm/utils/argparse_utils.py of 0.29.0.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from inference_stack.engine.arguments import engine_version, history

from . import parsed
from .options import flags


class Entry(NamedTuple):
    """What one key of the file becomes."""

    key: str
    words: tuple[str, ...]
    """Empty where vLLM passes over it in silence."""


PROSE = 4
"""Blanks from which a text is a sentence rather than a value."""


def is_option_file(version: str, content: Mapping[str, Any]) -> bool:
    """Whether a document looks like one: two options of the engine, mostly options, and mostly plain values.

    What tells of options, as a table of descriptions, is none.
    """
    known = engine_version(version)
    names = [str(key).replace("-", "_").removeprefix("no_") for key in content]
    engine = [name for name in names if "_" in name and (name in known.engine or name in history())]
    options = sum(name in known.options or name in history() for name in names)
    plain = sum(not isinstance(value, dict) and str(value).count(" ") < PROSE for value in content.values())
    return len(engine) >= 2 and min(options, plain) * 2 > len(names)


def entries(version: str, content: Mapping[str, Any], entry: parsed.Entry) -> Iterator[Entry]:
    """The words of each key, in the order of the file.

    `vllm serve` makes none of `false`: it looks for --no-… among the options of `vllm`, not of `serve`.
    """
    known = flags(version) if entry == "api_server" else ()
    for written, value in content.items():
        key = str(written)
        option = f"--{key}"
        match value:
            case True:
                yield Entry(key, (option,))
            case False:
                yield Entry(key, (f"--no-{key}",) if f"--no-{key}" in known else ())
            case list():
                items = cast("list[object]", value)
                yield Entry(key, (option, *map(str, items)) if items else ())
            case dict():
                yield Entry(key, (option, json.dumps(value, default=str)))
            case _:
                yield Entry(key, (option, str(value)))
