"""Whether a model fits, and what is left for its context."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from inference_stack.planner.case import Asked, CaseError, asked, parse, parse_each
from inference_stack.planner.memory.budget import memory

from .app import AsJson, app, print_answers

DIGITS = 3


class Range(BaseModel):
    """Where kv_gib lies in nine of ten start-ups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float


class Answer(BaseModel):
    """The budget of one unit, GiB, and what it serves. `range` is that of kv_gib."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None
    weights_gib: float
    prepared_gib: float
    activation_gib: float
    non_torch_gib: float
    cudagraph_gib: float
    adapters_gib: float
    draft_gib: float
    kv_gib: float
    kv_tokens: int
    max_concurrency: float
    fits: bool
    limit: str | None
    range: Range
    requested_gib: float
    assumed: list[str]


def answer(question: Asked) -> Answer:
    """What `--json` prints for one question."""
    held = memory(question.replica)
    parts = {
        part: round(getattr(held, part), DIGITS)
        for part in Answer.model_fields
        if part.endswith("_gib") and part != "range"
    }
    return Answer(
        id=question.case.id,
        **parts,
        kv_tokens=held.kv_tokens,
        max_concurrency=round(held.max_concurrency, DIGITS),
        fits=held.fits,
        limit=held.limit,
        range=Range(low=round(held.kv_low_gib, DIGITS), high=round(held.kv_high_gib, DIGITS)),
        assumed=list(question.assumed),
    )


@app.command()
def fit(
    cases: Annotated[
        Path | None, typer.Argument(metavar="[-]", help="A JSON list of cases: - or a file.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Id of a catalog model.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="config.json of a model outside the catalog.", exists=True, dir_okay=False),
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU, by any name that logs use.")] = None,
    sku: Annotated[str | None, typer.Option(help="Azure size in place of a GPU.")] = None,
    mig: Annotated[str | None, typer.Option(help="Slice, such as 2g.24gb or MIG2g.")] = None,
    tp: Annotated[int, typer.Option(help="Tensor parallel.")] = 1,
    pp: Annotated[int, typer.Option(help="Pipeline parallel.")] = 1,
    max_model_len: Annotated[int | None, typer.Option(help="Context, tokens.")] = None,
    max_num_batched_tokens: Annotated[int | None, typer.Option(help="Tokens of one step.")] = None,
    max_num_seqs: Annotated[int | None, typer.Option(help="Requests that run at once.")] = None,
    gpu_memory_utilization: Annotated[float | None, typer.Option(help="Part of the GPU to use.")] = None,
    dtype: Annotated[str, typer.Option(help="Type of activations and unquantized weights.")] = "auto",
    quantization: Annotated[str | None, typer.Option(help="fp8 quantizes while loading.")] = None,
    kv_cache_dtype: Annotated[str, typer.Option(help="Type of the KV cache.")] = "auto",
    vllm_version: Annotated[str | None, typer.Option(help="Release of vLLM.")] = None,
    enforce_eager: Annotated[bool, typer.Option("--enforce-eager", help="No CUDA graphs.")] = False,
    enable_expert_parallel: Annotated[
        bool, typer.Option("--enable-expert-parallel", help="Whole experts on each unit.")
    ] = False,
    max_loras: Annotated[int, typer.Option(help="LoRA adapters held at once.")] = 0,
    max_lora_rank: Annotated[int, typer.Option(help="Their largest rank.")] = 16,
    draft_model: Annotated[str | None, typer.Option(help="Model that proposes tokens.")] = None,
    speculative_tokens: Annotated[int, typer.Option(help="Tokens it proposes in a step.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether a model fits, part by part, and how much context that leaves. Exit code 1: bad input."""
    given = {name: value for name, value in locals().items() if name not in ("cases", "config", "as_json")}
    lora = {"count": given.pop("max_loras"), "rank": given.pop("max_lora_rank")}
    given["lora"] = lora if lora["count"] else None
    try:
        if cases is not None:
            print_answers(parse_each(_list(cases), asked), answer)
            return
        (one,) = parse([given | {"config": _object(config) if config else None}])
    except CaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(answer(one).model_dump_json(indent=2))
    else:
        # Rich's tables take a while to import, which a list of cases does not need.
        from inference_stack.report.memory import memory_view

        Console().print(memory_view(one.replica))


def _list(path: Path) -> list[Any]:
    given = _read(path)
    if not isinstance(given, list):
        raise CaseError(f"{_name(path)}: a list of cases is needed, given is {type(given).__name__}")
    return given  # pyright: ignore[reportUnknownVariableType]


def _object(path: Path) -> dict[str, Any]:
    given = _read(path)
    if not isinstance(given, dict):
        raise CaseError(
            f"{_name(path)}: an object is needed, as config.json is; given is {type(given).__name__}"
        )
    return given  # pyright: ignore[reportUnknownVariableType]


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
