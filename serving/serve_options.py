"""The options of vLLM's real parser of `vllm serve`: names, and how each reads its words."""

import argparse
import inspect
from collections.abc import Callable
from typing import Any

from inference_stack.engine.arguments import Argument, Kind, Parse


def parser_of(make: Callable[[Any], Any]) -> argparse.ArgumentParser:
    """The real parser, where each option's help says which class and field it stands for."""
    from vllm.engine import arg_utils
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    real = arg_utils.get_kwargs

    def marked(cls: type) -> dict[str, dict[str, Any]]:
        options = real(cls)
        for name, option in options.items():
            option["help"] = f"{cls.__name__}.{name} "
        return options

    arg_utils.get_kwargs = marked
    try:
        return make(FlexibleArgumentParser(prog="vllm serve"))
    finally:
        arg_utils.get_kwargs = real


def options(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.Action]]:
    """Each option by the name of its argument, with the title of its group."""
    return {
        action.dest: (group.title or "", action)
        for group in parser._action_groups
        for action in group._group_actions
        if action.option_strings and action.dest != "help"
    }


def parse_of(action: argparse.Action) -> Parse:
    """How an option is read."""
    kind = type(action).__name__
    if kind == "LoRAParserAction":
        return "lora"
    if kind == "_AppendAction":
        return "append"
    if action.nargs == 0:
        return "flag"
    if action.nargs in ("?", "+"):
        return "optional" if action.nargs == "?" else "list"
    return read_by(action.type)


def read_by(read: Any) -> Parse:
    """How a function reads one word, told by what it makes of a few."""
    if read in (None, str, int, float):
        return "value"
    if _outcome(read, '{"a": 1}') == {"a": 1}:
        return "json-or-text" if _outcome(read, "a") == "a" else "json"
    if _outcome(read, "1k") == 1000:
        return "human-or-auto" if _outcome(read, "auto") == -1 else "human"
    if _outcome(read, "A-B") == "a_b":
        return "normalized"
    if _outcome(read, "0,1") == [0, 1]:
        return "comma"
    # Reading a word as a configuration class fails in words of its own.
    return "json" if "parse_dataclass" in repr(inner(read)) else "value"


def _outcome(read: Callable[[str], Any], word: str) -> Any:
    try:
        return read(word)
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        return None


def inner(read: Any) -> Any:
    """The function inside vLLM's wrapper that also takes None."""
    if getattr(read, "__name__", "") in ("_optional_type", "_parse_type"):
        return inner(inspect.getclosurevars(read).nonlocals["return_type"])
    return read


def with_option(found: Argument, action: argparse.Action) -> Argument:
    """An argument with its option of the command line."""
    choices = list(action.choices or ())
    return found.model_copy(
        update={
            "flags": tuple(action.option_strings),
            "parse": parse_of(action),
            "choices": tuple(dict.fromkeys(choices)) if choices and set(choices) != set(found.values) else (),
        }
    )


def own_option(name: str, action: argparse.Action) -> Argument:
    """An option that no class declares."""
    kind: Kind = "boolean" if action.nargs == 0 else "integer" if action.type is int else "string"
    kinds: tuple[Kind, ...] = (kind,) if action.default is not None else (kind, "null")
    bare = Argument(name=name, group="serve", kinds=kinds, default=action.default)
    return with_option(bare, action)
