"""A case of a rule on an engine: arguments that break it, and ones that just keep it."""

from dataclasses import dataclass, field
from typing import Any

from inference_stack.engine.arguments import engine_version
from inference_stack.engine.rules import EngineUse, Gpu, engine_rules

from ..checkpoints import CHECKPOINTS

H100 = Gpu("NVIDIA H100 80GB HBM3", 79.1, (9, 0))
A100 = Gpu("NVIDIA A100-SXM4-80GB", 79.2, (8, 0))
T4 = Gpu("Tesla T4", 14.6, (7, 5))
SLICE = Gpu("NVIDIA H100 NVL MIG 3g.47gb", 46.4, (9, 0), slice=True)

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One rule, and a set on each side of it."""

    code: str
    breaks: Arguments
    keeps: Arguments = field(default_factory=dict)
    path: str | None = None
    """Where the first finding is; the first argument that breaks it, where it is not said."""
    model: str | None = "llama"
    """Of CHECKPOINTS; None for a model that is not known."""
    gpu: Gpu | None = None
    keeps_gpu: Gpu | None = None
    """Where it is the card that makes the difference."""

    def codes(self, arguments: Arguments, gpu: Gpu | None) -> dict[str, str]:
        """Codes of the findings, with the path of the first of each."""
        checkpoint = CHECKPOINTS[self.model] if self.model else {}
        use = EngineUse(engine_version("0.29.0"), arguments, checkpoint, gpu)
        found = [each for rule in engine_rules if rule.code == self.code for each in rule.findings(use)]
        return {each.code: each.path for each in reversed(found)}

    def holds(self) -> None:
        """Fail unless the one set breaks the rule where it is said, and the other keeps it."""
        path = self.path or next(iter(self.breaks))
        assert self.codes(self.breaks, self.gpu) == {self.code: path}
        assert self.codes(self.keeps, self.keeps_gpu or self.gpu) == {}
