"""Why each model is where it is: what `--details` shows on a screen and a pull request folds away."""

from collections.abc import Iterator
from dataclasses import dataclass

from inference_stack.planner import Duration, MemoryBudget, PlannedModel, PlannedPrefill, Range, TokenPrice

from .figures import between, bounds, counted, duration, gib, number, percent, sharding, span, usd
from .filling import Part, parts

BAR_CELLS = 40
CELLS = {Part.WEIGHTS: "█", Part.DRAFT: "▓", Part.ADAPTERS: "◆", Part.WORK: "▒", Part.KV: "░"}


@dataclass(frozen=True)
class Fact:
    """What is told of a model under one label."""

    label: str
    lines: tuple[str, ...]


def facts(model: PlannedModel) -> tuple[Fact, ...]:
    """Everything that the plan knows of a model, by topic; topics without anything to say left out."""
    topics = {
        "serves": _serves(model),
        "memory": _memory(model.memory, model.context_tokens),
        "speed": _speed(model),
        "prefill": _prefill(model.prefill),
        "why here": _why(model),
        "cold start": _cold_start(model),
        "cost": _cost(model),
        "engine": _engine(model),
        "worker": _worker(model),
        "upgrade": _upgrade(model),
    }
    found = ((label, tuple(told)) for label, told in topics.items())
    return tuple(Fact(label, told) for label, told in found if told)


def bar(memory: MemoryBudget) -> list[tuple[Part, int]]:
    """Cells of each part; one at least for what is there, and the KV cache takes what is left."""
    cells: list[tuple[Part, int]] = []
    left = BAR_CELLS
    for part, amount in parts(memory).items():
        wanted = max(1, round(BAR_CELLS * amount / memory.usable_gib)) if amount > 0 else 0
        count = left if part is Part.KV and amount > 0 else min(left, wanted)
        cells.append((part, count))
        left -= count
    return cells


def _serves(model: PlannedModel) -> Iterator[str]:
    loaded = "" if model.checkpoint == model.source else f", loaded as {model.checkpoint}"
    workload = f", for {model.workload}" if model.workload else ""
    yield f"{model.source}{loaded}, {model.licence}{workload}"
    if model.weights:
        yield f"weights from {model.weights}"
    if model.adapters:
        yield "adapters " + ", ".join(model.adapters)
    if traffic := model.traffic:
        peak = f", {number(traffic.peak)} at peak" if traffic.peak != traffic.requests_per_second else ""
        shared = f", {traffic.shared_prefix:.0%} of a prompt shared" if traffic.shared_prefix else ""
        yield (
            f"{number(traffic.requests_per_second)} requests a second{peak}, of "
            f"{traffic.prompt_tokens:,} + {traffic.output_tokens:,} tokens{shared}"
        )
    if model.routing == "prefix":
        yield "a request goes to the replica that has read most of its prompt before"


def _memory(memory: MemoryBudget, context: int) -> Iterator[str]:
    named = (
        (Part.WEIGHTS, "weights", memory.weights_gib),
        (Part.DRAFT, "draft model", memory.draft_gib),
        (Part.ADAPTERS, "adapters", memory.adapters_gib),
        (Part.WORK, "activations", memory.activation_gib),
        (Part.WORK, "outside of torch", memory.non_torch_gib),
        (Part.WORK, "CUDA graphs", memory.cudagraph_gib),
    )
    spent = " + ".join(f"{CELLS[part]} {gib(amount)} {name}" for part, name, amount in named if amount)
    kv = f"{CELLS[Part.KV]} {gib(memory.kv_gib)} KV cache"
    yield f"{spent} + {kv} = {gib(memory.usable_gib)} GiB a unit"
    yield (
        f"KV cache {between(memory.kv_low_gib, memory.kv_high_gib)} GiB: {memory.kv_tokens:,} tokens, "
        f"{number(memory.max_concurrency)} requests of {context:,} tokens"
    )


def _speed(model: PlannedModel) -> Iterator[str]:
    if speed := model.speed:
        yield (
            f"{number(speed.requests_per_second)} requests a second from a replica that works on "
            f"{speed.concurrency} of {speed.prompt_tokens:,} + {speed.output_tokens:,} tokens at a time"
        )
        yield f"TTFT {_range(speed.ttft_ms)} ms, TPOT {_range(speed.tpot_ms)} ms"
        yield f"{_range(speed.output_tok_s)} tokens a second"
        yield f"calibration: {speed.calibration}"


def _prefill(prefill: PlannedPrefill | None) -> Iterator[str]:
    if prefill:
        link, spread = prefill.link, sharding(prefill.tensor_parallel, prefill.pipeline_parallel)
        yield (
            f"{bounds(prefill.replicas_min, prefill.replicas_max)} replicas on {prefill.pool}, of "
            f"{counted(prefill.units, 'unit')}, {spread}, TTFT {_range(prefill.ttft_ms)} ms"
        )
        carries = "unknown" if link.available_gb_s is None else f"{number(link.available_gb_s)} GB/s"
        adds = "" if link.transfer_ms is None else f", adds {number(link.transfer_ms)} ms"
        yield (
            f"{link.path}: needs {number(link.needed_gb_s)} GB/s of {carries}, "
            f"{number(link.gib_per_request)} GiB a request{adds}"
        )


def _why(model: PlannedModel) -> Iterator[str]:
    if model.bottleneck:
        yield f"runs out of {model.bottleneck} first"
    if other := model.runner_up:
        cost = "" if other.usd_per_hour is None else f", {usd(other.usd_per_hour)} USD an hour at peak"
        yield f"next best: {other.what}{cost}{_more(other.more_usd_per_hour)}"
    for rejected in model.rejected:
        yield f"{rejected.limit} rules out {rejected.count}, nearest {rejected.best}: {rejected.what}"


def _more(usd_per_hour: float | None) -> str:
    if usd_per_hour is None:
        return ""
    return f", with it all nodes cost {usd(usd_per_hour)} more" if usd_per_hour >= 0.005 else ", no dearer"


def _cold_start(model: PlannedModel) -> Iterator[str]:
    if start := model.cold_start:
        steps = (("node", start.node), ("image", start.image), ("weights", start.weights),
                 ("engine", start.engine), ("graphs", start.graphs))  # fmt: skip
        yield ", ".join(f"{name} {_duration(step)}" for name, step in steps if step.typical)
        yield f"{_duration(start.total)} in all; a start is given up after {duration(start.start_budget_s)}"


def _cost(model: PlannedModel) -> Iterator[str]:
    cost = model.cost
    if cost is None:
        return
    at_peak = "" if model.usd_per_hour is None else f", {usd(model.usd_per_hour)} at peak"
    yield f"{usd(cost.usd_per_hour)} USD an hour at the mean traffic{at_peak}"
    for price, when in ((cost.at_traffic, "at the mean traffic"), (cost.at_full, "with every replica busy")):
        if price:
            yield f"{_tokens(price)} {when}"
    used = ((cost.utilization_expected, "at the mean traffic"), (cost.utilization_peak, "at peak"))
    told = [
        f"{percent(each.value)} ({percent(each.low)} to {percent(each.high)}) {when}"
        for each, when in used
        if each
    ]
    if told:
        yield "busy: " + ", ".join(told)
    if saved := cost.adapters:
        yield (
            f"{saved.deployments} deployments in place of one base with adapters would take "
            f"{number(saved.ratio_expected)} times as much, {number(saved.ratio_peak)} times at peak"
        )


def _tokens(price: TokenPrice) -> str:
    return f"USD per million tokens: {_price(price.input)} read, {_price(price.output)} written"


def _price(figure: Range) -> str:
    least, most = usd(figure.low), usd(figure.high)
    return usd(figure.value) + (f" ({least}–{most})" if least != most else "")


def _engine(model: PlannedModel) -> Iterator[str]:
    if model.engine:
        yield " ".join(f"{name}={value}" for name, value in model.engine.items())


def _worker(model: PlannedModel) -> Iterator[str]:
    worker = model.worker
    yield f"a pod of {worker.cpu} cores, {worker.memory_gib} GiB, {worker.shm_gib} GiB of it shared memory"


def _upgrade(model: PlannedModel) -> Iterator[str]:
    yield f"{model.upgrade}: {model.upgrade_why}" if model.upgrade_why else model.upgrade
    if model.upgrade == "None":
        yield "never stands twice: a change of its pods waits until it is made anew"


def _range(figure: Range) -> str:
    return f"{number(figure.value)} ({span(figure)})"


def _duration(step: Duration) -> str:
    if step.low == step.high:
        return duration(step.typical)
    return f"{duration(step.typical)} ({duration(step.low, step.high)})"
