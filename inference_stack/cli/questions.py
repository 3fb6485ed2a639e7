"""What the commands that answer questions to the planner share: their options, their lists, their answers."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from inference_stack.planner.case import Answerable, CaseError, Refused

ListFile = Annotated[
    Path | None, typer.Argument(metavar="[-]", help="A JSON list of questions: - or a file.")
]
ModelId = Annotated[str | None, typer.Option("--model", help="Id of a catalog model.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="config.json of a model outside the catalog.", exists=True, dir_okay=False),
]
GpuName = Annotated[str | None, typer.Option("--gpu", help="GPU, by any name that logs use.")]
SkuName = Annotated[str | None, typer.Option("--sku", help="Azure size in place of a GPU.")]
Slice = Annotated[str | None, typer.Option("--mig", help="Slice of the GPU: 2g.24gb or MIG2g.")]
TensorParallel = Annotated[int, typer.Option("--tp", help="Tensor parallel.")]
PipelineParallel = Annotated[int, typer.Option("--pp", help="Pipeline parallel.")]


def read_list(path: Path, wanted: str) -> list[Any]:
    """The JSON list in a file, or on standard input for `-`; `wanted` names it. Raises CaseError."""
    given = _read(path)
    if not isinstance(given, list):
        raise CaseError(f"{_name(path)}: {wanted} is needed, given is {type(given).__name__}")
    return given  # pyright: ignore[reportUnknownVariableType]


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises CaseError."""
    given = _read(path)
    if not isinstance(given, dict):
        raise CaseError(
            f"{_name(path)}: an object is needed, as config.json is; given is {type(given).__name__}"
        )
    return given  # pyright: ignore[reportUnknownVariableType]


def print_answers(found: Sequence[Answerable | Refused], answer: Callable[[Answerable], BaseModel]) -> None:
    """A JSON list with one object a question. Exit code 1 if one has errors in place of an answer."""
    refused = [each for each in found if isinstance(each, Refused)]
    told: list[dict[str, Any]] = [
        {"id": each.id, "errors": list(each.errors)}
        if isinstance(each, Refused)
        else answer(each).model_dump(mode="json")
        for each in found
    ]
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    if refused:
        typer.echo("\n".join(map(str, refused)), err=True)
        raise typer.Exit(1)


def _read(path: Path) -> object:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise CaseError(f"{_name(path)}: no JSON: {error.msg}, line {error.lineno}") from None


def _name(path: Path) -> str:
    return "standard input" if str(path) == "-" else str(path)
