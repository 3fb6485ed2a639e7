"""The options of vLLM's real parser of `vllm serve`: names, and how each reads its words."""

import argparse
import inspect
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Option:
    """One option of the parser, with every word that names it."""

    action: argparse.Action
    flags: tuple[str, ...]

    @property
    def declared(self) -> tuple[str, str]:
        """The class and the field that it stands for, as the marked parser says."""
        name, _, field = (self.action.help or "").split(" ")[0].partition(".")
        return name, field

    @property
    def negated(self) -> tuple[str, ...]:
        """Those of its words that mean false."""
        return tuple(flag for flag in self.flags if self._sets(flag) is False)

    def _sets(self, flag: str) -> object:
        if self.action.nargs != 0:
            return None
        found = argparse.Namespace()
        self.action(argparse.ArgumentParser(), found, [], flag)
        return getattr(found, self.action.dest, None)


def options(parser: argparse.ArgumentParser) -> dict[str, Option]:
    """Each option by the name of its argument; its words include those that vLLM leaves out of its help."""
    words: dict[argparse.Action, list[str]] = {}
    for word, action in parser._option_string_actions.items():
        words.setdefault(action, []).append(word)
    return {
        action.dest: Option(action, tuple(found)) for action, found in words.items() if action.dest != "help"
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


def with_option(found: Argument, option: Option) -> Argument:
    """An argument with its option of the command line."""
    choices = list(option.action.choices or ())
    return found.model_copy(
        update={
            "flags": option.flags,
            "negated": option.negated,
            "parse": parse_of(option.action),
            "choices": tuple(dict.fromkeys(choices)) if choices and set(choices) != set(found.values) else (),
        }
    )


def own_option(name: str, option: Option) -> Argument:
    """An option that no class declares."""
    action = option.action
    kind: Kind = "boolean" if action.nargs == 0 else "integer" if action.type is int else "string"
    kinds: tuple[Kind, ...] = (kind,) if action.default is not None else (kind, "null")
    bare = Argument(name=name, group="serve", kinds=kinds, default=action.default)
    return with_option(bare, option)
