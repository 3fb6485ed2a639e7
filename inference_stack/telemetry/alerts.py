"""When somebody is told, why, and what to do: one list, for Azure and for any Prometheus."""

from typing import NamedTuple

from inference_stack.planner import Plan

from . import series

PAGE = "docs/telemetry.md"
"""Where each alert is explained, in this project: nobody else knows where your copy of it lies."""


class Alert(NamedTuple):
    """One alert."""

    name: str
    expr: str
    minutes: int
    """For how long it must hold."""
    severity: int
    """Azure's: 0 critical, 1 error, 2 warning, 3 information."""
    summary: str
    """What is the matter; `{{ … }}` is filled in by Prometheus."""
    remedy: str
    """What to do."""


def alerts(plan: Plan) -> tuple[Alert, ...]:
    """Every alert of an environment. One on the budget is there where there is a budget."""
    return (*_latencies(), *_queues(), *_replicas(), *_answers(), *_money(plan), *_scraping())


def _latencies() -> tuple[Alert, ...]:
    median = tuple(
        Alert(
            f"{what.capitalize()}AboveSlo",
            # The SLO of an environment is what the median request must see.
            f"{series.latency(what, 0.5)} > on (model_name) {slo}",
            minutes=10,
            severity=2,
            summary=f"Half of the requests for {{{{ $labels.model_name }}}} have a {what.upper()} over its "
            "SLO: {{ $value | humanizeDuration }}.",
            remedy="See whether requests wait (queue, KV cache). With replicas at their maximum, raise "
            "`replicas.max` or the pool's nodes; below it, see why a pod waits.",
        )
        for what, slo in series.SLOS.items()
    )
    slowest = tuple(
        Alert(
            f"{what.capitalize()}P95AboveSlo",
            f"{series.latency(what, 0.95)} > on (model_name) {slo}",
            minutes=30,
            severity=3,
            summary=f"One request in twenty for {{{{ $labels.model_name }}}} has a {what.upper()} over its "
            "SLO: {{ $value | humanizeDuration }}.",
            remedy="Long prompts beside short ones do this. If people notice, plan with the traffic as it is "
            "(`traffic`), or disaggregate the model.",
        )
        for what, slo in series.SLOS.items()
    )
    return (*median, *slowest)


def _queues() -> tuple[Alert, ...]:
    return (
        Alert(
            "QueueStays",
            f"{series.WAITING} > 0",
            minutes=10,
            severity=2,
            summary="{{ $value }} requests for {{ $labels.model_name }} wait, and the queue has not been "
            "empty for 10 minutes.",
            remedy="With replicas at their maximum, raise `replicas.max`; below it, a pod waits for a node: "
            "quota, capacity or a cold start.",
        ),
        Alert(
            "KvCacheFull",
            f"{series.KV_USE} > 0.95",
            minutes=10,
            severity=2,
            summary="A replica of {{ $labels.model_name }} has {{ $value | humanizePercentage }} of its KV "
            "cache in use; requests are put off.",
            remedy="Requests are longer than planned. Lower `concurrency`, take `kv_cache_dtype: fp8`, or a "
            "larger slice: `inference-stack plan` says what fits.",
        ),
    )


def _replicas() -> tuple[Alert, ...]:
    return (
        Alert(
            "ReplicaMissing",
            f"{series.REPLICAS_WANTED} - on (deployment) ({series.REPLICAS_HEALTHY}) > 0",
            minutes=20,
            severity=1,
            summary="{{ $labels.deployment }} is {{ $value }} replicas short: an engine died and does not "
            "come back, or a pod gets no GPU.",
            remedy="`kubectl get pods` in the namespace of the models: a pending pod says what it lacks, a "
            "failed one why. Serve starts a dead engine again by itself.",
        ),
    )


def _answers() -> tuple[Alert, ...]:
    return (
        Alert(
            "Refused",
            f"{series.share_answered('429|503')} > 0.01",
            minutes=5,
            severity=2,
            summary="{{ $labels.application }} refuses {{ $value | humanizePercentage }} of its requests: "
            "its queues are full (429), or a model is not there in time (503).",
            remedy="As for QueueStays. Clients that come back after `Retry-After` lose nothing.",
        ),
        Alert(
            "Failing",
            f"{series.share_answered('500|502|504')} > 0.01",
            minutes=5,
            severity=1,
            summary="{{ $labels.application }} answers {{ $value | humanizePercentage }} of its requests "
            "with an error of its own.",
            remedy="See the logs of the model's replicas; a replica that died takes its requests with it.",
        ),
        Alert(
            "CertificateEnds",
            f"{series.CERTIFICATE_DAYS} < 14",
            minutes=60,
            severity=1,
            summary="A certificate of the gateway ends in {{ $value }} days.",
            remedy="Renew it where it comes from; the gateway takes the new one without a restart.",
        ),
    )


def _money(plan: Plan) -> tuple[Alert, ...]:
    half = Alert(
        "GpusHalfIdle",
        f"{series.GPU_USE_LONG} < 0.5",
        minutes=120,
        severity=3,
        summary="The GPUs of pool {{ $labels.pool }} compute {{ $value | humanizePercentage }} of the "
        "time: what they make costs at least double.",
        remedy="Fewer nodes that stay (`nodes.min`), fewer replicas that stay (`replicas.min`), or a smaller "
        "slice: `inference-stack plan --details`.",
    )
    budget = plan.environment.budget
    if budget is None:
        return (half,)
    over = Alert(
        "BudgetExceeded",
        f"{series.COST_IN_ALL} > {budget.usd_per_hour:g}",
        minutes=15,
        severity=1,
        summary="The nodes cost {{ $value }} USD an hour at list price, "
        f"over the budget of {budget.usd_per_hour:g}.",
        remedy="The plan keeps below the budget, so that somebody changed a pool by hand: "
        "`pulumi up --refresh` puts it back.",
    )
    return (half, over)


def _scraping() -> tuple[Alert, ...]:
    return (
        Alert(
            "ScrapeFails",
            f"{series.SCRAPED} == 0",
            minutes=10,
            severity=2,
            summary="{{ $labels.job }}: {{ $labels.pod }} ({{ $labels.instance }}) does not answer the "
            "scraper.",
            remedy="See that pod. Where all of a job fail, a network policy keeps the scraper out.",
        ),
        Alert(
            "NothingScraped",
            f'absent(up{{job="{series.MODELS}"}})',
            minutes=10,
            severity=1,
            summary="Nothing is known of the models: no pod of them is found.",
            remedy="See the pods `ama-metrics` in kube-system, and whether the heads of the services run.",
        ),
    )
