"""What a command line of vLLM comes to, read without vLLM."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from inference_stack.spec import Finding

Entry = Literal["serve", "api_server"]
"""Which of vLLM's parsers reads it: `vllm serve`, or `python -m vllm.entrypoints.openai.api_server`."""

NOT_KNOWN = "\ufffc"
"""Stands in a token for what the reader cannot know: a variable of a shell, a template's expression.

`--model=$MODEL` becomes "--model=\ufffc", `$MODEL` and `${ARGS}` "\ufffc", `--$NAME` "--\ufffc".
What holds it is judged neither as a name nor as a value.
"""


class Placed(NamedTuple):
    """A finding, and the token that it is about."""

    token: int
    """Index in the argv that was given; -1 for the command as a whole."""
    finding: Finding
    """Its path is the option as written, without a value: --max-num-batched-token."""


@dataclass(frozen=True)
class Parsed:
    """What vLLM would hold after reading a command line; everything wrong with it is told at once."""

    arguments: Mapping[str, Any]
    """What was written, by Python name and as vLLM holds it: max_model_len of `64k` is 64000.

    The positional model is `model`. What was not written, not known or not readable is not here."""
    places: Mapping[str, int]
    """For each name that was set, readable or not: the index in argv of the token that set it last."""
    findings: tuple[Placed, ...]
    """In the order of argv."""
    complete: bool
    """False where something was not known that may be an option: then nothing counts as left out."""
    consumed: Mapping[int, str]
    """Index of a token to the Python name that it belongs to, option and values alike; others have none."""


ReadConfig = Callable[[str], Mapping[str, Any] | None]
"""Reads the file that --config names; None where it cannot be read."""

Argv = Sequence[str]
