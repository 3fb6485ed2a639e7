"""The command lines of vLLM, read as its own parsers read them, without vLLM."""

from .parsed import NOT_KNOWN, Argv, Entry, Parsed, Placed, ReadConfig
from .started import Started, started


def parse(
    version: str, argv: Argv, *, entry: Entry = "serve", read_config: ReadConfig | None = None
) -> Parsed:
    """What vLLM of a version makes of `argv`, and everything in it that it would refuse or misread.

    `argv` is what follows `vllm serve`, or `python -m vllm.entrypoints.openai.api_server`: never those words.
    """
    del version, argv, entry, read_config
    return Parsed(arguments={}, places={}, findings=(), complete=False, consumed={})


__all__ = ["NOT_KNOWN", "Argv", "Entry", "Parsed", "Placed", "ReadConfig", "Started", "parse", "started"]
