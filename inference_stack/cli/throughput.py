"""How fast a replica answers."""

from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from inference_stack.engine import versions
from inference_stack.planner.case import CaseError, parse_each
from inference_stack.planner.speed import Range, Speed
from inference_stack.planner.speed.question import Asked, asked, parse

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
SWEEP = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Answer(BaseModel):
    """Three figures, each with the range that eight in ten measurements lie in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None
    ttft_ms: float
    ttft_ms_low: float
    ttft_ms_high: float
    tpot_ms: float
    tpot_ms_low: float
    tpot_ms_high: float
    output_tok_s: float
    output_tok_s_low: float
    output_tok_s_high: float
    bottleneck: str
    calibration: str


def answer(question: Asked) -> Answer:
    """What `--json` prints for one question: of one replica, throughput of all."""
    found = question.speed
    figures: dict[str, float] = {}
    for name in ("ttft_ms", "tpot_ms", "output_tok_s"):
        figure: Range = getattr(found, name)
        figures[name] = round(figure.value, DIGITS)
        figures[f"{name}_low"] = round(figure.low, DIGITS)
        figures[f"{name}_high"] = round(figure.high, DIGITS)
    return Answer(
        id=question.question.id, **figures, bottleneck=found.bottleneck, calibration=found.calibration
    )


@app.command()
def throughput(
    questions: ListFile = None,
    model: ModelId = None,
    config: ConfigFile = None,
    precision: Annotated[
        str | None, typer.Option(help="bf16, fp8, int8, int4, fp4 or a layout; as stored if not given.")
    ] = None,
    gpu: GpuName = None,
    sku: SkuName = None,
    mig: Slice = None,
    tp: TensorParallel = 1,
    pp: PipelineParallel = 1,
    prompt: Annotated[float, typer.Option(help="Tokens of a prompt.")] = 1024,
    output: Annotated[float, typer.Option(help="Tokens of an answer.")] = 256,
    concurrency: Annotated[float | None, typer.Option(help="Requests at once; a sweep if not given.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second, in place of concurrency.")] = None,
    vllm_version: Annotated[
        str | None, typer.Option(help="Release of vLLM; the pinned one if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how fast a replica answers: first token, each further one, tokens a second, with 80 % ranges."""
    sweep = SWEEP if concurrency is None and rate is None else (concurrency,)
    try:
        if questions is not None:
            print_answers(parse_each(read_list(questions, "a JSON list of questions"), asked), answer)
            return
        one = {
            "model_hf_id": model,
            "config": read_object(config) if config else None,
            "precision": precision,
            "gpu": gpu,
            "sku": sku,
            "mig": mig,
            "tp": tp,
            "pp": pp,
            "gpu_count": tp * pp,
            "input_len_mean": prompt,
            "output_len_mean": output,
            "request_rate_rps": rate,
            "engine_version": vllm_version or versions.VLLM,
        }
        steps = parse([{**one, "concurrency": clients} for clients in sweep])
    except CaseError as error:
        # The questions of a sweep are wrong alike.
        lines = dict.fromkeys(_unplaced(str(error)))
        typer.echo("\n".join(lines), err=True)
        raise typer.Exit(1) from None
    if as_json:
        print_answers(steps, answer)
        return
    _print(steps)


def _unplaced(errors: str) -> list[str]:
    return [line.split(": ", 1)[1] if line.startswith("[") else line for line in errors.splitlines()]


def _print(steps: tuple[Asked, ...]) -> None:
    first = steps[0]
    unit = first.replica.silicon
    name = first.question.model_hf_id or first.replica.model.model_type
    cut = f" {unit.profile}" if unit.profile else ""
    table = Table(
        title=f"{name} ({first.replica.layout.name}) on {first.replica.units} × {unit.gpu}{cut}: "
        f"{first.load.prompt_tokens:g} tokens in, {first.load.output_tokens:g} out",
        title_justify="left",
        caption="Range in brackets: where eight in ten measurements lie.",
        caption_justify="left",
    )
    for column in ("requests", "TTFT ms", "TPOT ms", "output tok/s", "bottleneck"):
        table.add_column(column, justify="left" if column == "bottleneck" else "right")
    found: Speed | None = None
    for each in steps:
        found = each.speed
        load = each.load
        table.add_row(
            f"{load.rate:g}/s" if load.arrival == "open" else f"{load.concurrency:g}",
            *(_ranged(figure) for figure in (found.ttft_ms, found.tpot_ms, found.output_tok_s)),
            found.bottleneck,
        )
    console = Console()
    console.print(table)
    if found is not None:
        console.print(f"Calibration: {found.calibration}.", markup=False)


def _ranged(figure: Range) -> str:
    return f"{_short(figure.value)} [dim]({_short(figure.low)}–{_short(figure.high)})[/dim]"


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
