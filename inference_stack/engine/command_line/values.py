"""A word of the command line as the value that vLLM makes of it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from inference_stack.engine.arguments import Argument
from inference_stack.engine.schema import LISTED, near
from inference_stack.spec import Finding

SUFFIXED = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
SUFFIXED_IN_JSON = re.compile(r"\b\d+(?:\.\d+)?[kKmMgGtT]\b")
QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")')
OBJECT = re.compile(r"\s*{.*}\s*", re.DOTALL)
ADAPTER_NEEDS = frozenset(("name", "path"))
ADAPTER_TAKES = frozenset(("base_model_name", "is_3d_lora_weight"))
POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}

NULL_WORDS = ("", "None")
"""What the options that take null read as null."""

WORD_NONE_IS_NO_NULL = frozenset(
    (
        "api_server_count",
        "block_size",
        "config",
        "cudagraph_capture_sizes",
        "data_parallel_address",
        "data_parallel_rank",
        "data_parallel_rpc_port",
        "data_parallel_size_local",
        "data_parallel_start_rank",
        "default_chat_template_kwargs",
        "device_ids",
        "gdn_prefill_backend",
        "hf_token",
        "kda_prefill_backend",
        "lora_dtype",
        "max_cudagraph_capture_size",
        "max_num_batched_tokens",
        "max_num_seqs",
        "mm_processor_cache_type",
        "reasoning_parser_plugin",
        "spec_tokens",
        "tokenizer",
    )
)
"""Arguments that may be null in a dict, while their options read the word None as any other word."""

WORD_NONE_IS_NULL = frozenset(("reasoning_config",))
"""The other way round."""


BEYOND = (ValueError, OverflowError, RecursionError)
"""What reading a word may end in: it is no such value, or one beyond all measure."""


class Unreadable(Exception):  # noqa: N818 - named for what it says of the word
    """A word that an option refuses."""

    def __init__(self, finding: Finding) -> None:
        """Keep what is wrong; its path is the argument's name."""
        super().__init__(finding.what)
        self.finding = finding


def human(text: str) -> int:
    """64k is 64,000, 64K is 65,536; raises ValueError for what is no such number."""
    text = text.strip()
    if not (match := SUFFIXED.fullmatch(text)):
        return int(text)
    number, suffix = match.groups()
    if suffix.islower():
        return int(float(number) * 1000 ** POWERS[suffix])
    return int(number) * 1024 ** POWERS[suffix.lower()]


def value(argument: Argument, words: Sequence[str]) -> Any:
    """What an option makes of its words. Raises Unreadable, with what is wrong, where vLLM refuses one."""
    match argument.parse:
        case "list":
            return [_one(argument, word) for word in words]
        case "lora":
            return [_adapter(word) for word in words if word not in NULL_WORDS]
        case "optional":
            return _one(argument, words[0]) if words else True
        case _:
            return _one(argument, words[0])


def _one(argument: Argument, word: str) -> Any:
    read = _read(argument, word)
    allowed = argument.choices or (argument.items if argument.parse == "list" else argument.values)
    if read is None:
        if argument.choices:
            # argparse holds the null against its own list, where None stands as a word.
            raise _not_allowed(argument, word, [one for one in allowed if one != "None"])
        return None
    if not allowed or read in allowed:
        return read
    if argument.any_case and str(read).upper() in {str(each).upper() for each in allowed}:
        return read
    raise _not_allowed(argument, word, allowed)


def _not_allowed(argument: Argument, word: str, allowed: Sequence[Any]) -> Unreadable:
    named = [str(each) for each in allowed]
    shown = ", ".join(named) if len(named) <= LISTED else near(word, named)
    return Unreadable(
        Finding(
            code="value-not-allowed",
            path=argument.name,
            given=word,
            what=f"vLLM knows no such {argument.name}",
            allowed=shown,
        )
    )


def _no_such_type(name: str, word: str, allowed: str) -> Unreadable:
    return Unreadable(
        Finding(
            code="wrong-type", path=name, given=word, what=f"vLLM cannot read this as {name}", allowed=allowed
        )
    )


def _read(argument: Argument, word: str) -> Any:
    if _nullable(argument) and word in NULL_WORDS:
        return None
    kinds = argument.item_kinds if argument.parse == "list" else argument.kinds
    readers: Mapping[str, tuple[Callable[[str], Any], str]] = {
        "human": (human, "an integer, as 4096, 64k or 1M"),
        "human-or-auto": (_human_or_auto, "an integer, as 4096, 64k or 1M; auto"),
        "json": (_object if argument.fields else json.loads, "an object" if argument.fields else "JSON"),
        "json-or-text": (_json_or_text, "JSON, or text"),
        "comma": (_comma, "names with commas between"),
        "normalized": (_normalized, "text"),
    }
    if argument.parse in readers:
        reader, form = readers[argument.parse]
    elif "string" in kinds:
        return word
    elif "integer" in kinds:
        reader, form = int, "an integer"
    elif "number" in kinds:
        reader, form = float, "a number"
    else:
        return word
    try:
        return reader(word)
    except BEYOND as error:
        raise _no_such_type(argument.name, word, form) from error


def _nullable(argument: Argument) -> bool:
    if argument.name in WORD_NONE_IS_NO_NULL:
        return False
    return "null" in argument.kinds or argument.name in WORD_NONE_IS_NULL


def _human_or_auto(text: str) -> int:
    return -1 if text.strip().lower() in ("auto", "-1") else human(text)


def _object(text: str) -> Any:
    """What vLLM makes a configuration of: numbers in it may have suffixes, as 64k."""
    parts = QUOTED.split(text)
    parts[::2] = [SUFFIXED_IN_JSON.sub(lambda match: str(human(match[0])), part) for part in parts[::2]]
    read = json.loads("".join(parts))
    if not isinstance(read, dict):
        raise ValueError(text)  # noqa: TRY004 - as json says it
    return cast("dict[str, Any]", read)


def _json_or_text(text: str) -> Any:
    return json.loads(text) if OBJECT.fullmatch(text) else text


def _comma(text: str) -> list[int | str]:
    parts = (part.strip() for part in text.split(","))
    return [int(part) if part.isdigit() else part for part in parts]


def _normalized(text: str) -> str:
    return text.lower().replace("-", "_")


def _adapter(word: str) -> dict[str, Any]:
    fields = ", ".join(sorted(ADAPTER_NEEDS | ADAPTER_TAKES))
    refused = _no_such_type("lora_modules", word, f"name=path, or a JSON object of {fields}")
    if "=" in word and "," not in word:
        name, _, path = word.partition("=")
        if "=" in path:
            raise refused
        return {"name": name, "path": path}
    try:
        read = json.loads(word)
    except BEYOND as error:
        raise refused from error
    if not isinstance(read, dict):
        raise refused
    adapter = cast("dict[str, Any]", read)
    if not set(adapter) >= ADAPTER_NEEDS or set(adapter) - ADAPTER_NEEDS - ADAPTER_TAKES:
        raise refused
    return adapter
