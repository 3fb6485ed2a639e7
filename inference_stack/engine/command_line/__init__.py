"""The command lines of vLLM, read as its own parsers read them, without vLLM."""

from .judging import command_line_findings
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
    "command_line_findings",
    "parse",
    "parse_config",
    "started",
]
