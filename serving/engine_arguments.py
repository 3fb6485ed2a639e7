"""Write what the installed vLLM takes as arguments: `python -m serving.engine_arguments [FOLDER]`.

Reads the fields of AsyncEngineArgs and FrontendArgs, the configuration classes behind them and the parser of
`vllm serve`; writes `vllm-<version>.json`, beside the other versions where no folder is named. What hangs on
the machine or on variables of the environment is left out.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference_stack.engine.arguments import DATA, Argument, EngineVersion
from inference_stack.engine.arguments.argument import descriptions
from serving.declared_arguments import argument, default_of, nested, type_hints
from serving.serve_options import Option, options, own_option, parser_of, with_option


def read_installed() -> EngineVersion:
    """What the installed vLLM takes."""
    from vllm import config as configuration
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.cli.serve import make_arg_parser
    from vllm.version import __version__

    source = sys.modules[make_arg_parser.__module__]
    found = options(parser_of(make_arg_parser))
    classes = {name: cls for name, cls in vars(configuration).items() if dataclasses.is_dataclass(cls)} | {
        "FrontendArgs": source.FrontendArgs
    }
    engine = members(AsyncEngineArgs, found, classes)
    frontend = members(source.FrontendArgs, found, classes)
    own = {name: option for name, option in found.items() if name not in engine | frontend}
    return EngineVersion(
        version=__version__,
        engine=engine,
        frontend=frontend,
        serve={name: own_option(name, option) for name, option in sorted(own.items())},
    )


def members(cls: type, found: Mapping[str, Option], classes: Mapping[str, type]) -> dict[str, Argument]:
    """The arguments that a class of them declares, by name."""
    hints = type_hints(cls)
    inside = inner_classes()
    made = {}
    for field in sorted(dataclasses.fields(cls), key=lambda field: field.name):
        option = found.get(field.name)
        place = place_of(field.name, option, classes) if cls.__name__ != "FrontendArgs" else (cls, field.name)
        group = place[0].__name__ if place else "EngineArgs"
        entry = argument(field.name, group, hints[field.name], default_of(field), place)
        if (registry := REGISTRIES.get(field.name)) is not None:
            entry = entry.model_copy(update={"known": tuple(sorted(registry()))})
        if field.name in inside:
            entry = entry.model_copy(update={"fields": nested(inside[field.name])})
        made[field.name] = with_option(entry, option) if option else entry
    return made


def place_of(name: str, option: Option | None, classes: Mapping[str, type]) -> tuple[type, str] | None:
    """The configuration class and field that an argument ends in."""
    cls, field = option.declared if option else ("", "")
    if cls in classes and field in {each.name for each in dataclasses.fields(classes[cls])}:
        return classes[cls], field
    named = [cls for cls in classes.values() if name in {each.name for each in dataclasses.fields(cls)}]
    return (named[0], name) if len(named) == 1 else None


def inner_classes() -> Mapping[str, type]:
    """Arguments that vLLM declares as a bare dict and makes a configuration class of."""
    from vllm.config import DiffusionConfig, SpeculativeConfig

    return {"speculative_config": SpeculativeConfig, "diffusion_config": DiffusionConfig}


def _load_formats() -> Iterable[str]:
    from vllm.model_executor import model_loader

    return model_loader._LOAD_FORMAT_TO_MODEL_LOADER


def _quantizations() -> Iterable[str]:
    from vllm.model_executor.layers import quantization

    return quantization.QUANTIZATION_METHODS


def _tool_parsers() -> Iterable[str]:
    from vllm.tool_parsers import ToolParserManager

    return ToolParserManager.list_registered()


def _reasoning_parsers() -> Iterable[str]:
    from vllm.reasoning import ReasoningParserManager

    return ReasoningParserManager.list_registered()


REGISTRIES: Mapping[str, Callable[[], Iterable[str]]] = {
    "load_format": _load_formats,
    "quantization": _quantizations,
    "reasoning_parser": _reasoning_parsers,
    "tool_call_parser": _tool_parsers,
}
"""Arguments whose values come from a register that plug-ins may add to."""


def text(version: EngineVersion) -> str:
    """The committed file: a line for each argument, and for each field of an object within."""
    content = version.model_dump(mode="json", exclude_defaults=True)
    return lines(content, ("engine", "frontend", "serve")) + "\n"


def lines(entry: Mapping[str, Any], expanded: Sequence[str], indent: str = "") -> str:
    """JSON of a mapping, where the members of the expanded keys get a line each."""
    plain = {key: value for key, value in entry.items() if key not in expanded}
    parts = [json.dumps(plain, sort_keys=True)[1:-1]] if plain else []
    for key in expanded:
        if key in entry:
            inside = ",\n".join(
                f"{indent} {json.dumps(name)}: {lines(child, ('fields',), indent + ' ')}"
                for name, child in sorted(entry[key].items())
            )
            parts.append(f"{json.dumps(key)}: {{\n{inside}\n{indent}}}")
    return "{" + ", ".join(parts) + "}"


def main(folder: Path = DATA) -> None:
    """Write the file of the installed version."""
    for name in [name for name in os.environ if name.startswith("VLLM_")]:
        del os.environ[name]  # some are defaults of arguments
    # vLLM's parser wants a platform; what is written is the same on all.
    os.environ |= {"VLLM_TARGET_DEVICE": "cpu", "VLLM_LOGGING_LEVEL": "ERROR"}
    version = read_installed()
    if bare := {**version.serve, **version.arguments}.keys() - descriptions():
        raise SystemExit(f"descriptions.yaml says nothing of: {', '.join(sorted(bare))}")
    folder.mkdir(exist_ok=True)
    (folder / f"vllm-{version.version}.json").write_text(text(version))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
