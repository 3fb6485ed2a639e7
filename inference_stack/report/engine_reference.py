"""docs/engine-arguments.md: every argument of the pinned vLLM, and what became of those that are gone."""

from collections.abc import Iterable, Iterator

from inference_stack.engine import versions
from inference_stack.engine.arguments import (
    Argument,
    Departed,
    EngineVersion,
    departed,
    engine_version,
    history,
)

from .engine_arguments import by_group, plain, stands
from .reference import DOCS

PAGE = DOCS / "engine-arguments.md"

HEAD = """\
# Arguments of vLLM {version}

<!-- Written by `make reference` from inference_stack/engine/arguments/data. -->

What `engine` of a model, Ray's `engine_kwargs` and `vllm serve` take, by the class of vLLM that declares it.
The option of `vllm serve` is the name with dashes, `--max-model-len`; others are named. Read from the
package, and held against it by a test; the words are ours. `inference-stack engine args NAME` shows an
object's fields, `--engine` other versions, and `inference-stack engine diff` what changes between two.
"""

ROWS = "| argument | what may stand there | left out | what it does |\n|---|---|---|---|"

GONE = """\
## Gone

What vLLM once took and does not take now. A field is written with a dot.

| argument | last in | do |
|---|---|---|"""

TITLES = {
    "EngineArgs": "Of the engine, beside its classes",
    "FrontendArgs": "Of the server in front",
    "serve": "Of `vllm serve` alone",
}


def written() -> str:
    """The page as it must stand in docs/."""
    return engine_reference(engine_version(versions.VLLM), history().values())


def engine_reference(version: EngineVersion, gone: Iterable[Departed]) -> str:
    """The page for a version."""
    parts = [HEAD.format(version=version.version)]
    for group, members in by_group(version).items():
        rows = "\n".join(map(_row, members))
        parts.append(f"## {TITLES.get(group, group)}\n\n{ROWS}\n{rows}\n")
    rows = "\n".join(_departures(version, gone))
    return "\n".join([*parts, f"{GONE}\n{rows}\n"])


def _row(argument: Argument) -> str:
    expected = "--" + argument.name.replace("_", "-")
    others = [flag for flag in argument.flags if flag != expected and flag not in argument.negated]
    name = f"`{argument.name}`" + "".join(f" `{flag}`" for flag in others)
    does = argument.description
    if argument.deprecated:
        does += f" Deprecated: {argument.deprecated}."
    return f"| {name} | {_cell(stands(argument))} | `{_cell(plain(argument.default))}` | {_cell(does)} |"


def _departures(version: EngineVersion, gone: Iterable[Departed]) -> Iterator[str]:
    for each in gone:
        if departed(each.name, version):
            yield f"| `{each.name}` | {each.until} | {_cell(each.remedy)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written())


if __name__ == "__main__":
    main()
