"""Whether a model fits, and what is left for its context."""

from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from inference_stack.planner.case import Asked, CaseError, asked, parse, parse_each
from inference_stack.planner.memory.budget import memory

from .app import AsJson, app
from .questions import (
    ConfigFile,
    GpuName,
    ListFile,
    ModelId,
    PipelineParallel,
    SkuName,
    Slice,
    TensorParallel,
    print_answers,
    read_list,
    read_object,
)

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
    cases: ListFile = None,
    model: ModelId = None,
    config: ConfigFile = None,
    gpu: GpuName = None,
    sku: SkuName = None,
    mig: Slice = None,
    tp: TensorParallel = 1,
    pp: PipelineParallel = 1,
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
            print_answers(parse_each(read_list(cases, "a list of cases"), asked), answer)
            return
        (one,) = parse([given | {"config": read_object(config) if config else None}])
    except CaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(answer(one).model_dump_json(indent=2))
    else:
        # Rich's tables take a while to import, which a list of cases does not need.
        from inference_stack.report.memory import memory_view

        Console().print(memory_view(one.replica))
