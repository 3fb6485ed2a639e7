"""The command lines of vLLM, read as its own parsers read them, without vLLM."""

from .parsed import NOT_KNOWN, Argv, Entry, Parsed, Placed, ReadConfig
from .parsing import parse, parse_config
from .started import Started, started

__all__ = [
    "NOT_KNOWN",
    "Argv",
    "Entry",
    "Parsed",
    "Placed",
    "ReadConfig",
    "Started",
    "parse",
    "parse_config",
    "started",
]
