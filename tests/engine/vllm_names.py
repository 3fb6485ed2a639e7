"""What vLLM and Ray make of names: questions come in as JSON, answers go out.

A process of its own, since vLLM settles at its first import on what device it is; here that is the CPU.
"""

import dataclasses
import enum
import inspect
import json
import os
import subprocess
import sys
from typing import Any


def vllm_answers(questions: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Answers to `commands` ([entry, argv]), `engine` and `ray` (names in a dict), in their order."""
    answer = subprocess.run(
        [sys.executable, __file__], input=json.dumps(questions), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


class Refusal(Exception):  # noqa: N818 - named for what it is
    """What the parser says before it would end the process."""


def parsers() -> dict[str, Any]:
    """The two parsers, as their programs make them."""
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    def refuse(self: Any, message: str) -> None:
        raise Refusal(message)

    FlexibleArgumentParser.error = refuse
    main = FlexibleArgumentParser(prog="vllm")
    main.add_argument("-v", "--version", action="version", version="0")
    ServeSubcommand().subparser_init(main.add_subparsers(required=False, dest="subparser"))
    return {"serve": main, "api_server": make_arg_parser(FlexibleArgumentParser())}


def command(made: dict[str, Any], entry: str, argv: list[str]) -> dict[str, Any]:
    """What a parser makes of a command line: why it refuses it, or what it then holds."""
    argv = ["serve", *argv] if entry == "serve" else argv
    try:
        read = vars(made[entry].parse_args(argv))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it says is the answer
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"refused": None, "read": {name: plain(value) for name, value in read.items()}}


def plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name, None)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str | dict) else repr(value)


def taken_by_engine(name: str) -> bool:
    from vllm.engine.arg_utils import AsyncEngineArgs

    try:
        inspect.signature(AsyncEngineArgs).bind(**{name: None})
    except TypeError:
        return False
    return True


def taken_by_ray(name: str) -> bool:
    from ray.serve.llm import LLMConfig

    config = LLMConfig(
        model_loading_config={"model_id": "a", "model_source": "b/c"}, engine_kwargs={name: None}
    )
    try:
        config.get_engine_config()
    except ValueError as error:
        if "Unknown engine argument" in str(error):
            return False
        raise
    return True


if __name__ == "__main__":
    os.environ["VLLM_TARGET_DEVICE"] = "cpu"
    os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # vLLM logs to standard output.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    questions = json.load(sys.stdin)
    sys.argv = ["vllm"]
    made = parsers()
    json.dump(
        {
            "commands": [command(made, *asked) for asked in questions["commands"]],
            "engine": [taken_by_engine(name) for name in questions["engine"]],
            "ray": [taken_by_ray(name) for name in questions["ray"]],
        },
        answer,
        default=repr,
    )
