"""One rule: what must hold, who says so, and the check that finds where it does not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from inference_stack.engine.arguments import EngineVersion
from inference_stack.spec import Finding, Severity

from .checkpoint import Checkpoint, checkpoint

Subject = TypeVar("Subject")

OTHERS_CLASSES = ("transformers", "terratorch")
"""Values of model_impl with which a model is not run by vLLM's own class of it."""


@dataclass(frozen=True)
class Fault:
    """Where a rule does not hold. Paths count from the subject."""

    path: str
    what: str
    given: str | None = None
    allowed: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A rule on subjects of one kind."""

    code: str
    severity: Severity
    states: str
    """What must hold, in one sentence."""
    reference: str
    """Who says so: a place in upstream's source or documentation, with its version."""
    faults: Callable[[Subject], Iterable[Fault]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Where it does not hold."""
        for fault in self.faults(subject):
            yield Finding(
                code=self.code,
                severity=self.severity,
                path=fault.path,
                given=fault.given,
                what=fault.what,
                allowed=fault.allowed,
                remedy=fault.remedy,
                reference=self.reference,
            )


def rule(
    code: str, severity: Severity, *, states: str, reference: str
) -> Callable[[Callable[[Subject], Iterable[Fault]]], Rule[Subject]]:
    """Make a rule of the function that finds where it does not hold."""

    def made(faults: Callable[[Subject], Iterable[Fault]]) -> Rule[Subject]:
        return Rule(code, severity, states, reference, faults)

    return made


@dataclass(frozen=True)
class Gpu:
    """What rules must know of the card, or of the slice of it, that an engine has."""

    name: str
    memory_gib: float
    """As torch sees it."""
    compute_capability: tuple[int, int]
    slice: bool = False
    """Whether it is a part of a card (MIG), which cannot join others in tensor parallel."""


@dataclass(frozen=True)
class EngineUse:
    """One engine as somebody starts it: its arguments, and what is known around them."""

    version: EngineVersion
    arguments: Mapping[str, Any]
    """By Python name, as read; names or values that vLLM does not know may be among them."""
    checkpoint: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """config.json of the model; empty where it is not known, and then rules on it find nothing."""
    gpu: Gpu | None = None
    """None where it is not known, and then rules on it find nothing."""

    @cached_property
    def model(self) -> Checkpoint | None:
        """What `checkpoint` says, changed by hf_overrides; None where it is not known."""
        changes = self.arguments.get("hf_overrides")
        overrides = cast("Mapping[str, Any]", changes if isinstance(changes, Mapping) else {})
        if not self.checkpoint:
            return None
        found = checkpoint(self.checkpoint, overrides, self.version.version)
        # The classes of other libraries can do other things, and which is not known.
        return replace(found, traits=None) if self.arguments.get("model_impl") in OTHERS_CLASSES else found
