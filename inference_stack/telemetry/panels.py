"""What the dashboard shows: one list."""

from typing import Literal, NamedTuple

from inference_stack.planner import Plan

from . import series

Unit = Literal["s", "short", "percentunit", "reqps", "currencyUSD", "cps"]
"""Units by Grafana's names."""


LATENCIES: dict[series.Latency, str] = {
    "ttft": "Time to the first token. The SLO is for the median.",
    "tpot": "Time for each further token. The SLO is for the median.",
}


class Query(NamedTuple):
    """One question of a panel."""

    expr: str
    legend: str
    """Name of each line; `{{label}}` is filled in by Grafana."""
    dashed: bool = False
    """Whether the lines are bounds and not measured."""


class Panel(NamedTuple):
    """One picture."""

    title: str
    unit: Unit
    queries: tuple[Query, ...]
    tells: str
    """What to read from it."""
    bound: float | None = None
    """Where a line is drawn."""


def panels(plan: Plan) -> tuple[Panel, ...]:
    """Every panel of an environment's dashboard, in the order in which they are read."""
    budget = plan.environment.budget
    return (
        *(
            Panel(
                what.upper(),
                "s",
                (
                    Query(series.latency(what, 0.5), "{{model_name}} P50"),
                    Query(series.latency(what, 0.95), "{{model_name}} P95"),
                    Query(series.SLOS[what], "{{model_name}} SLO", dashed=True),
                ),
                tells,
            )
            for what, tells in LATENCIES.items()
        ),
        Panel(
            "Requests",
            "short",
            (
                Query(series.RUNNING, "{{model_name}} at work"),
                Query(series.WAITING, "{{model_name}} waiting"),
            ),
            "In the engines, and waiting for one or in one.",
        ),
        Panel(
            "KV cache",
            "percentunit",
            (Query(series.KV_USE, "{{model_name}}"),),
            "Of the fullest replica of a model.",
            bound=0.95,
        ),
        Panel(
            "Tokens a second",
            "short",
            (
                Query(series.TOKENS_WRITTEN, "{{model_name}} written"),
                Query(series.TOKENS_READ, "{{model_name}} read"),
            ),
            "Over all replicas; what was read counts cached prompts too.",
        ),
        Panel(
            "Replicas",
            "short",
            (
                Query(series.REPLICAS_HEALTHY, "{{deployment}}"),
                Query(series.REPLICAS_WANTED, "{{deployment}} wanted", dashed=True),
            ),
            "Those that answer, and those that Serve is after.",
        ),
        Panel(
            "GPU use",
            "percentunit",
            (Query(series.GPU_USE, "{{pool}}"),),
            "Part of the time in which GPUs or slices compute. Below half, each token costs at least double.",
            bound=0.5,
        ),
        Panel(
            "GPU use by slice",
            "percentunit",
            (Query(series.GPU_USE_BY_SLICE, "{{Hostname}} GPU {{gpu}} slice {{GPU_I_ID}}"),),
            "The same for each GPU or slice.",
            bound=0.5,
        ),
        Panel(
            "GPU memory",
            "percentunit",
            (Query(series.GPU_MEMORY_USE, "{{pool}}"),),
            "Taken by weights and KV cache; vLLM takes all it may at the start.",
        ),
        Panel("GPU nodes", "short", (Query(series.GPU_NODES, "{{pool}}"),), "Nodes that are there."),
        Panel(
            "Cost an hour",
            "currencyUSD",
            (Query(series.COST, "{{pool}}"), Query(series.COST_IN_ALL, "in all")),
            "List price: GPU nodes as counted, nodes without GPUs at their maximum.",
            bound=budget.usd_per_hour if budget else None,
        ),
        Panel(
            "Answers",
            "reqps",
            (Query(series.answered(), "{{application}} {{status_code}}"),),
            "Requests by the status they were answered with.",
        ),
        Panel(
            "Refused or failed",
            "reqps",
            (Query(series.answered("429|5.."), "{{application}} {{status_code}}"),),
            "429 is a full queue, 503 a model that is not there in time, other 5xx a fault.",
        ),
        Panel(
            "Gateway",
            "reqps",
            (Query(series.GATEWAY_ANSWERED, "{{envoy_response_code_class}}xx"),),
            "What Envoy answered, before or after it asked the models.",
        ),
    )
