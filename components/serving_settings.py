"""What the serving layer is told of a plan: when it takes requests in, and how many replicas it wants."""

from inference_stack.engine import INGRESS_MAX_REPLICAS, INGRESS_TARGET_REQUESTS, START_BUDGET_S
from inference_stack.planner import PlannedModel
from serving.admission import AdmissionSettings
from serving.autoscaling import AutoscalingSettings


def autoscaling_settings(model: PlannedModel) -> AutoscalingSettings | None:
    """The settings of our policy that follow from the plan; None where nobody says what is asked.

    Not of a disaggregated model: Ray chooses the class of its replicas, and they report nothing.
    """
    traffic, speed, start = model.traffic, model.speed, model.cold_start
    if model.prefill or traffic is None or speed is None or start is None:
        return None
    return AutoscalingSettings(
        concurrency=model.concurrency,
        kv_tokens=model.memory.kv_tokens,
        request_tokens=traffic.prompt_tokens + traffic.output_tokens,
        requests_per_second=_figure(speed.requests_per_second),
        time_alone=_figure(
            min(1.0, speed.requests_per_second / (model.concurrency * speed.requests_per_second_alone))
        ),
        cold_start_s=max(1.0, _figure(start.total.typical)),
        ttft_slo_ms=model.slo.ttft_ms if model.slo else None,
        tpot_slo_ms=model.slo.tpot_ms if model.slo else None,
    )


def admission_settings(model: PlannedModel) -> AdmissionSettings:
    """What may be let in of a model's requests, from its plan."""
    traffic, speed, start = model.traffic, model.speed, model.cold_start
    # As many ingress replicas as all that may be in hand and waiting makes Ray run.
    ingresses = -(-2 * model.concurrency * model.replicas_max // INGRESS_TARGET_REQUESTS)
    block = model.engine.get("block_size")
    return AdmissionSettings(
        context_tokens=model.context_tokens,
        kv_tokens=model.memory.kv_tokens,
        wake_budget_s=_figure(start.total.high) if start else START_BUDGET_S,
        answer_tokens=traffic.output_tokens if traffic else None,
        tokens_per_second=_figure(speed.requests_per_second * (speed.prompt_tokens + speed.output_tokens))
        if speed
        else None,
        ingress_replicas=min(INGRESS_MAX_REPLICAS, ingresses),
        **({"block_tokens": block} if isinstance(block, int) else {}),
    )


def _figure(exact: float) -> float:
    """A prediction as it is told: three digits say all that is known, and do not change with the machine."""
    return float(f"{exact:.3g}")
