"""One environment on both sides of a pull request."""

from dataclasses import dataclass

from inference_stack.planner import Plan
from inference_stack.planner.difference import Difference, difference
from inference_stack.spec import Finding
from pull_requests.changes import Change
from pull_requests.preview import Preview, Violation


@dataclass(frozen=True)
class Side:
    """An environment in one state of the repository."""

    plan: Plan | None
    """None where something forbids one."""
    faults: tuple[Finding, ...] = ()
    """What forbids it."""
    preview: Preview | None = None
    """None where there is no plan, or where only the other side is previewed."""

    @property
    def broken(self) -> bool:
        """Whether nothing could be made of it."""
        return self.plan is None or bool(self.preview and self.preview.errors)


@dataclass(frozen=True)
class Compared:
    """What a pull request makes of one environment."""

    environment: str
    base: Side | None
    """None where the base has no such environment."""
    here: Side | None
    """None where the pull request removes it."""
    changes: tuple[Change, ...] | None
    """None where one side could not be previewed, so that nobody knows."""

    @property
    def difference(self) -> Difference | None:
        """Of both plans, where there are two."""
        if self.base is None or self.here is None or not (self.base.plan and self.here.plan):
            return None
        return difference(self.base.plan, self.here.plan)

    @property
    def new_violations(self) -> frozenset[Violation] | None:
        """Those that the base has not; None where the base was not previewed."""
        if self.base is None or self.base.preview is None or self.here is None or self.here.preview is None:
            return None
        return frozenset(self.here.preview.violations) - frozenset(self.base.preview.violations)

    @property
    def refused(self) -> bool:
        """Whether merging it would leave an environment that cannot be made, or that a policy forbids."""
        if self.here is None:
            return False
        return self.here.broken or bool(self.here.preview and self.here.preview.forbidden)
