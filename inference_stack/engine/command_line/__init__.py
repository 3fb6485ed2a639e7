"""The command lines of vLLM, read as its own parsers read them, without vLLM."""

from .config_file import is_option_file
from .judging import command_line_findings, option_file_findings
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
    "is_option_file",
    "option_file_findings",
    "parse",
    "parse_config",
    "started",
]
