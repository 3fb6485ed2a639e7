"""What we do in a preview beside Pulumi: from an environment to a plan, its text and checked manifests."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import date
from statistics import linear_regression
from typing import NamedTuple

from benchmarks.preview_environments import environment
from components.serving_manifest import Place, service_manifest
from inference_stack.engine import check_ray_service
from inference_stack.planner import plan_environment, services
from inference_stack.report import text
from inference_stack.spec import Severity

SIZES = (25, 50, 100, 200, 400)
"""Models: twice as many each time."""
PLACE = Place(namespace="inference", service_account="inference")


class Decided(NamedTuple):
    """What an environment of so many models took."""

    models: int
    cpu_s: float
    """User and system time; the least of the runs, since nothing can make it less than it is."""

    @property
    def ms_per_model(self) -> float:
        """Milliseconds a model."""
        return 1000 * self.cpu_s / self.models


def decided(runs: int, sizes: Sequence[int] = SIZES) -> list[Decided]:
    """Each size, so many times."""
    _decide(sizes[0])  # What is read once is no part of the growth.
    return [
        Decided(size, min(_taken(lambda size=size: _decide(size)) for _ in range(runs))) for size in sizes
    ]


def power(taken: Sequence[Decided]) -> float:
    """With which power of the number of models the time grows: 1 is linear, 2 is quadratic."""
    models = [math.log(each.models) for each in taken]
    return linear_regression(models, [math.log(each.cpu_s) for each in taken]).slope


def _taken(what: Callable[[], None]) -> float:
    start = time.process_time()
    what()
    return time.process_time() - start


def _decide(models: int) -> None:
    asked = environment(models)
    plan = plan_environment(asked, name="models", file="models.yaml", text=None, today=date.today())
    text(plan, width=100)
    for service in services(plan.models):
        found = check_ray_service(service_manifest(plan, service, PLACE))
        if wrong := [each.render("models.yaml") for each in found if each.severity is Severity.ERROR]:
            raise SystemExit("\n".join(wrong))
