"""The policy against the real Ray: how it is found, made, called, and what Ray makes of its answer."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.serve._private.autoscaling_state import _resolve_policy_callable
from ray.serve._private.common import DeploymentID, ReplicaID, TimeStampedValue
from ray.serve.autoscaling_policy import _apply_autoscaling_config
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy

from benchmarks.simulated_replicas import Delays, Pace
from serving.autoscaling import STATE_KEY
from serving.signals import ReplicaReport, Signals

pytestmark = pytest.mark.e2e

SETTINGS = {
    "concurrency": 10,
    "kv_tokens": 16_000,
    "request_tokens": 1200,
    "requests_per_second": 1.0,
    "cold_start_s": 300,
}
DEPLOYMENT = DeploymentID(name="copilot", app_name="llm")


def config(**changed) -> AutoscalingConfig:
    """As a Serve configuration says it."""
    policy = {"policy_function": "serving.autoscaling:LLMAutoscaling", "policy_kwargs": SETTINGS}
    given = {"min_replicas": 0, "max_replicas": 4, "upscale_delay_s": 0, "downscale_delay_s": 0, **changed}
    return AutoscalingConfig.model_validate({**given, "policy": policy})


def replica(name: str) -> ReplicaID:
    return ReplicaID(unique_id=name, deployment_id=DEPLOYMENT)


def context(
    of: AutoscalingConfig, *, reports: dict[str, dict[str, float]], ongoing: float, target: int, state=None
) -> AutoscalingContext:
    now = time.time()
    names = {name for stats in reports.values() for name in stats}
    raw = {
        name: {
            replica(one): [TimeStampedValue(now - 5, stats[name])]
            for one, stats in reports.items()
            if name in stats
        }
        for name in names
    }
    return AutoscalingContext(
        deployment_id=DEPLOYMENT,
        deployment_name=DEPLOYMENT.name,
        app_name=DEPLOYMENT.app_name,
        current_num_replicas=len(reports),
        target_num_replicas=target,
        running_replicas=[replica(one) for one in reports],
        total_num_requests=lambda: ongoing,
        total_queued_requests=lambda: 0.0,
        aggregated_metrics=dict,
        raw_metrics=lambda: raw,
        capacity_adjusted_min_replicas=of.min_replicas,
        capacity_adjusted_max_replicas=of.max_replicas,
        policy_state=state or {},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now,
        config=of,
    )


def stats(running: float, kv_use: float) -> dict[str, float]:
    return ReplicaReport(
        at_s=0,
        running_requests=running,
        waiting_requests=0,
        running_tokens=running * 1200,
        waiting_tokens=0,
        kv_use=kv_use,
    ).stats()


def policy(of: AutoscalingConfig):
    """As Ray makes it: by its name, through its pickled form, once, and wrapped."""
    return _apply_autoscaling_config(_resolve_policy_callable(of.policy))


def test_ray_finds_makes_and_calls_the_policy():
    of = config()
    replicas, state = policy(of)(context(of, reports={"a": stats(9, 0.5)}, ongoing=9, target=1))
    assert replicas == 2
    assert STATE_KEY in state


def test_the_state_comes_back_in_the_next_call():
    of = config()
    call = policy(of)
    _, state = call(context(of, reports={"a": stats(9, 0.5)}, ongoing=9, target=2))
    replicas, _ = call(
        context(of, reports={"a": stats(0, 0), "b": stats(0, 0)}, ongoing=0, target=2, state=state)
    )
    assert replicas == 2


def test_without_work_and_memory_of_any_ray_takes_the_last_replica_away():
    of = config()
    assert policy(of)(context(of, reports={"a": stats(0, 0)}, ongoing=0, target=1))[0] == 0


def test_at_no_replica_ray_orders_one_without_asking():
    of = config()
    assert policy(of)(context(of, reports={}, ongoing=40, target=0))[0] == 1


def test_ray_keeps_its_delays_around_the_policy():
    of = config(upscale_delay_s=30)
    assert policy(of)(context(of, reports={"a": stats(9, 0.5)}, ongoing=9, target=1))[0] == 1


@pytest.mark.parametrize("nonsense", [{}, {"engine_kv_use": float("nan")}, {"engine_running_requests": -1.0}])
def test_a_replica_that_reports_nonsense_takes_nobody_away(nonsense: dict[str, float]):
    of = config()
    assert policy(of)(context(of, reports={"a": stats(0, 0), "b": nonsense}, ongoing=0, target=2))[0] == 2


def test_ray_refuses_settings_that_cannot_be_when_it_makes_the_policy():
    wrong = AutoscalingPolicy(
        policy_function="serving.autoscaling:LLMAutoscaling", policy_kwargs={**SETTINGS, "up": 1}
    )
    with pytest.raises(ValueError, match="up"):
        _resolve_policy_callable(wrong)


WISHES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=40)


@given(WISHES, st.sampled_from([0, 5, 12]), st.sampled_from([0, 7, 20]))
def test_the_simulation_delays_as_ray_does(wishes: list[tuple[int, int, bool]], up: float, down: float):
    of = config(upscale_delay_s=up, downscale_delay_s=down)
    mine, target, state = Delays(Pace(0, 4, up, down)), 0, {}
    for step, (wanted, running, asked) in enumerate(wishes):
        now, names = 1e9 + 5.0 * step, [str(number) for number in range(running)]
        seen = context(
            of, reports={name: {} for name in names}, ongoing=float(asked), target=target, state=state
        )
        with mock.patch("time.time", return_value=now):
            found, state = _apply_autoscaling_config(lambda _, wanted=wanted: (wanted, {}))(seen)
        signals = Signals(
            now_s=now,
            target_replicas=target,
            min_replicas=0,
            max_replicas=4,
            replicas=dict.fromkeys(names),
            ongoing_requests=float(asked),
        )
        bounded = max(0, min(4, found))
        assert mine.target(lambda _, wanted=wanted: wanted, signals) == bounded
        target = bounded


def test_on_ray_serve_replicas_go_from_none_to_several_and_back_though_one_reports_nonsense():
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.serving.autoscaling_on_serve"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen = json.loads(next(line for line in ran.stdout.splitlines() if line.startswith("{")))
    assert seen["counts"][0] == 0
    assert max(seen["counts"]) == 3
    assert seen["counts"][-1] == 0
    assert seen["turns"] == 1
