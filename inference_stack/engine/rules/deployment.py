"""What Ray Serve makes of the options of one deployment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference_stack.engine.document import mapping, number
from inference_stack.spec import Severity

from .rule import Fault, Rule, rule

SERVE = "ray 2.60.0, ray/serve"
LLM = "ray 2.60.0, ray/llm/_internal/serve"

UNLIMITED = 1_000_000
"""Requests from which a limit limits nothing; Ray Serve LLM sets a thousand times as many."""
METRICS_INTERVAL_S = 10.0
DEFAULT_LIMIT = 5
"""max_ongoing_requests of a deployment that serves no model."""


@dataclass(frozen=True)
class Deployment:
    """The options of one deployment, wherever they are written."""

    options: Mapping[str, Any]
    serves_model: bool = False
    """Whether it runs an engine: Ray Serve LLM has other defaults for those than Ray Serve."""

    @cached_property
    def autoscaling(self) -> Mapping[str, Any]:
        """Its autoscaling_config; empty where there is none."""
        return mapping(self.options, "autoscaling_config")

    @property
    def automatic(self) -> bool:
        """Whether Ray decides how many replicas there are."""
        return self.options.get("num_replicas") == "auto"

    @property
    def scales(self) -> bool:
        """Whether there may be more replicas at one time than at another."""
        least, most = self.bounds
        return least < most

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Least and most replicas, with Ray's defaults for what is left out."""
        if not self.autoscaling and not self.automatic:
            fixed = number(self.options.get("num_replicas")) or 1
            return fixed, fixed
        least = number(self.autoscaling.get("min_replicas"))
        most = number(self.autoscaling.get("max_replicas"))
        return 1.0 if least is None else least, (100.0 if self.automatic else 1.0) if most is None else most


@rule(
    "autoscaling-bounds",
    Severity.ERROR,
    states="min_replicas ≤ initial_replicas ≤ max_replicas, where each is 1 if left out.",
    reference=f"{SERVE}/config.py: AutoscalingConfig.replicas_settings_valid",
)
def _autoscaling_bounds(deployment: Deployment) -> Iterator[Fault]:
    if not deployment.autoscaling:
        return
    least, most = deployment.bounds
    if least > most:
        said = "min_replicas" if "min_replicas" in deployment.autoscaling else "max_replicas"
        yield Fault(
            path=f"autoscaling_config.{said}",
            given=str(deployment.autoscaling.get(said)),
            what=f"Ray Serve refuses at least {least:g} replicas and at most {most:g}; each is 1 if left out",
            remedy="set both, the least not above the most",
        )
    first = number(deployment.autoscaling.get("initial_replicas"))
    if first is not None and least <= most and not least <= first <= most:
        yield Fault(
            path="autoscaling_config.initial_replicas",
            given=f"{first:g}",
            what="Ray Serve refuses to start with so many replicas",
            allowed=f"{least:g} to {most:g}",
        )


@rule(
    "replicas-said-twice",
    Severity.ERROR,
    states="A deployment has a number of replicas, or it scales.",
    reference=f"{SERVE}/schema.py: DeploymentSchema.validate_num_replicas_and_autoscaling_config",
)
def _replicas_said_twice(deployment: Deployment) -> Iterator[Fault]:
    given = deployment.options.get("num_replicas")
    if number(given) is not None and deployment.options.get("autoscaling_config") is not None:
        yield Fault(
            path="num_replicas",
            given=str(given),
            what="Ray Serve refuses a number of replicas beside autoscaling_config",
            remedy="leave one of them out",
        )
    elif isinstance(given, str) and given != "auto":
        yield Fault(
            path="num_replicas",
            given=given,
            what="Ray Serve takes no such number of replicas",
            allowed="a number above 0, or auto",
        )


@rule(
    "queue-bound",
    Severity.ERROR,
    states="max_queued_requests is -1 or more than 0.",
    reference=f"{SERVE}/schema.py: DeploymentSchema.validate_max_queued_requests",
)
def _queue_bound(deployment: Deployment) -> Iterator[Fault]:
    given = number(deployment.options.get("max_queued_requests"))
    if given is not None and given < 1 and given != -1:
        yield Fault(
            path="max_queued_requests",
            given=f"{given:g}",
            what="Ray Serve refuses this bound of the queue",
            allowed="> 0, or -1 for no bound",
        )


@rule(
    "look-back-too-short",
    Severity.WARNING,
    states="look_back_period_s is longer than metrics_interval_s, which is 10 s if left out.",
    reference=f"{SERVE}/config.py: AutoscalingConfig.look_back_period_s_valid",
)
def _look_back_too_short(deployment: Deployment) -> Iterator[Fault]:
    looked = number(deployment.autoscaling.get("look_back_period_s"))
    interval = number(deployment.autoscaling.get("metrics_interval_s")) or METRICS_INTERVAL_S
    if looked is not None and 0 < looked <= interval:
        yield Fault(
            path="autoscaling_config.look_back_period_s",
            given=f"{looked:g}",
            what=f"replicas report every {interval:g} s: a window this short is empty at times, and a later "
            "Ray refuses it",
            allowed=f"> {interval:g}",
        )


SUCCESSORS = {
    "metrics_interval_s": "the environment of Ray, RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S and "
    "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S",
    "smoothing_factor": "upscaling_factor and downscaling_factor",
    "upscale_smoothing_factor": "upscaling_factor",
    "downscale_smoothing_factor": "downscaling_factor",
}
"""Keys of autoscaling_config on their way out, and what takes their place."""


@rule(
    "deprecated-key",
    Severity.WARNING,
    states="No key is on its way out.",
    reference=f"{SERVE}/config.py: AutoscalingConfig",
)
def _deprecated_key(deployment: Deployment) -> Iterator[Fault]:
    for key in sorted(SUCCESSORS.keys() & deployment.autoscaling.keys()):
        yield Fault(
            path=f"autoscaling_config.{key}",
            given=str(deployment.autoscaling[key]),
            what="Ray Serve has deprecated this key",
            remedy=f"use {SUCCESSORS[key]}",
        )


@rule(
    "scaling-target-unset",
    Severity.WARNING,
    states="A model that may scale says at how many requests it does.",
    reference=f"{LLM}/constants.py: DEFAULT_MAX_TARGET_ONGOING_REQUESTS",
)
def _scaling_target_unset(deployment: Deployment) -> Iterator[Fault]:
    given = number(deployment.autoscaling.get("target_ongoing_requests"))
    unset = given is None and not deployment.automatic
    custom = "policy" in deployment.autoscaling
    if deployment.serves_model and deployment.scales and not custom and (unset or (given or 0) >= UNLIMITED):
        yield Fault(
            path="autoscaling_config.target_ongoing_requests",
            given=None if given is None else f"{given:g}",
            what="Ray Serve LLM adds a replica at 1,000,000,000 requests where nobody says otherwise: "
            "nothing ever scales",
            allowed="somewhat less than max_ongoing_requests",
        )


@rule(
    "request-limit-unset",
    Severity.WARNING,
    states="A model says how many requests a replica takes at once.",
    reference=f"{LLM}/constants.py: DEFAULT_MAX_ONGOING_REQUESTS",
)
def _request_limit_unset(deployment: Deployment) -> Iterator[Fault]:
    given = number(deployment.options.get("max_ongoing_requests"))
    if deployment.serves_model and (given is None or given >= UNLIMITED):
        yield Fault(
            path="max_ongoing_requests",
            given=None if given is None else f"{given:g}",
            what="Ray Serve LLM gives one replica up to 1,000,000,000 requests where nobody says otherwise: "
            "a second one never helps with those that wait, and no queue is ever full",
            allowed="what the engine works on at once, max_num_seqs",
        )


@rule(
    "scaling-target-beyond-limit",
    Severity.WARNING,
    states="target_ongoing_requests is at most max_ongoing_requests.",
    reference=f"{SERVE}/config.py: AutoscalingConfig.target_ongoing_requests",
)
def _scaling_target_beyond_limit(deployment: Deployment) -> Iterator[Fault]:
    target = number(deployment.autoscaling.get("target_ongoing_requests"))
    limit = number(deployment.options.get("max_ongoing_requests"))
    if limit is None and not deployment.serves_model:
        limit = DEFAULT_LIMIT
    if target is not None and limit is not None and deployment.scales and 0 < limit < target < UNLIMITED:
        yield Fault(
            path="autoscaling_config.target_ongoing_requests",
            given=f"{target:g}",
            what=f"a replica takes {limit:g} requests at once, so another one starts only when more than "
            f"{target - limit:g} wait for each",
            allowed=f"at most {limit:g}",
        )


@rule(
    "queue-unbounded",
    Severity.NOTE,
    states="A model says how many requests may wait for it.",
    reference=f"{SERVE}/_private/config.py: DeploymentConfig.max_queued_requests",
)
def _queue_unbounded(deployment: Deployment) -> Iterator[Fault]:
    given = number(deployment.options.get("max_queued_requests", -1))
    if deployment.serves_model and given == -1:
        yield Fault(
            path="max_queued_requests",
            what="any number of requests may wait, and none is turned away while it could go elsewhere",
            remedy="set it, and backpressure_config with status_code 429, where clients try again",
        )


@rule(
    "scaling-blind-to-tokens",
    Severity.NOTE,
    states="A model that may scale is watched by what its requests cost.",
    reference=f"{SERVE}/config.py: AutoscalingConfig.policy",
)
def _scaling_blind_to_tokens(deployment: Deployment) -> Iterator[Fault]:
    if deployment.serves_model and deployment.scales and "policy" not in deployment.autoscaling:
        yield Fault(
            path="autoscaling_config.policy",
            what="Ray Serve counts requests: ten short prompts weigh as much as ten of full length",
            remedy="nothing where prompts are alike; else give a policy of your own",
        )


deployment_rules: tuple[Rule[Deployment], ...] = (
    _autoscaling_bounds,
    _replicas_said_twice,
    _queue_bound,
    _look_back_too_short,
    _deprecated_key,
    _scaling_target_unset,
    _request_limit_unset,
    _scaling_target_beyond_limit,
    _queue_unbounded,
    _scaling_blind_to_tokens,
)
