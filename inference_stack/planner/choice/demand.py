"""What one model needs of a place, and the checkpoints that would answer for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from inference_stack.catalog import Catalog, ModelRow
from inference_stack.planner.engine_arguments import DEFAULT_CONCURRENCY
from inference_stack.spec import Model, Placement, Precision, Slo

PREFIXES = {
    "bf16": Precision.BF16,
    "fp16": Precision.BF16,
    "fp32": Precision.BF16,
    "fp8": Precision.FP8,
    "w8": Precision.INT8,
    "gptq-int8": Precision.INT8,
    "awq-int8": Precision.INT8,
    "awq": Precision.INT4,
    "gptq": Precision.INT4,
    "w4": Precision.INT4,
    "int4": Precision.INT4,
    "mxfp4": Precision.MXFP4,
    "nvfp4": Precision.NVFP4,
}
"""What each layout of the catalog is, by how its name begins; the first that fits."""

AUTOMATIC = (Precision.BF16, Precision.FP8)
"""What auto may take beside the form that is asked for: published evaluations find hardly a loss in it.

Integers of eight and four bits lose more on some tasks, so that somebody has to ask for them."""

MOST_CONCURRENT = 256
"""Most that the plan gives one replica by itself: beyond, no public measurement supports the prediction."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Traffic of which every part is known."""

    requests_per_second: float
    peak: float
    prompt_tokens: int
    output_tokens: int
    shared_prefix: float


@dataclass(frozen=True, slots=True)
class Demand:
    """A model of an environment that is known well enough to be placed."""

    position: int
    model: Model
    row: ModelRow
    variants: tuple[ModelRow, ...]
    """Checkpoints that would do, best quality first."""
    traffic: Asked | None
    slo: Slo | None

    @property
    def pinned(self) -> Placement | None:
        """Where the user wants it, if that is said."""
        placement = self.model.placement
        return placement if isinstance(placement, Placement) else None

    @property
    def most_concurrent(self) -> int:
        """Requests that one replica may work on at the same time at most."""
        most = self.model.concurrency or (MOST_CONCURRENT if self.traffic else DEFAULT_CONCURRENCY)
        tokens = self.model.engine.get("max_num_batched_tokens")
        # A step takes at least one token of each request.
        return min(most, tokens) if isinstance(tokens, int) else most

    @property
    def question(self) -> str:
        """All that the choice depends on: models with equal questions have equal candidates."""
        return self.model.model_dump_json(exclude={"name"})

    @property
    def work(self) -> str:
        """All that one replica depends on: the question without how often and how many."""
        often = {"requests_per_second", "peak_requests_per_second"}
        return self.model.model_dump_json(exclude={"name": True, "replicas": True, "traffic": often})


def asked(model: Model, catalog: Catalog) -> Asked | None:
    """What a model is asked, with the usual lengths of its workload where the user gives none.

    None without traffic, or where neither says how long requests are.
    """
    traffic = model.traffic
    usual = catalog.workloads.get(model.workload or "")
    if traffic is None:
        return None
    prompt = traffic.prompt_tokens or (usual.prompt_tokens if usual else None)
    output = traffic.output_tokens or (usual.output_tokens if usual else None)
    if prompt is None or output is None:
        return None
    return Asked(traffic.requests_per_second, traffic.peak, prompt, output, traffic.shared_prefix)


def expected(model: Model, catalog: Catalog) -> Slo | None:
    """How fast a model must answer: as its user says, or as people expect of its workload."""
    usual = catalog.workloads.get(model.workload or "")
    if model.slo or usual is None or model.traffic is None:
        return model.slo
    return Slo(ttft_ms=usual.ttft_ms, tpot_ms=usual.tpot_ms)


def precision(row: ModelRow) -> Precision:
    """How the weights of a checkpoint are stored. Raises ValueError for a layout that nobody has classed."""
    for prefix, name in PREFIXES.items():
        if row.quantization.startswith(prefix):
            return name
    raise ValueError(f"layout {row.quantization!r} of {row.id} has no precision")


def variants(model: Model, catalog: Catalog, licences: Iterable[str]) -> tuple[ModelRow, ...]:
    """The checkpoints that may be loaded for a model, best quality first, one a precision.

    A source that is itself quantized from another one is meant as it stands. Empty where the catalog has no
    checkpoint of the precision that is asked for.
    """
    row = catalog.model(model.source)
    if row is None:
        return ()
    wanted = model.precision
    if wanted is Precision.AUTO and row.base is not None:
        return (row,)
    allowed = set(licences) | {row.licence}
    found: dict[Precision, ModelRow] = {precision(row): row}
    for variant in catalog.variants(row.id):
        if variant.licence in allowed:
            found.setdefault(precision(variant), variant)
    if wanted is not Precision.AUTO:
        return (found[wanted],) if wanted in found else ()
    return tuple(each for name, each in found.items() if each is row or name in AUTOMATIC)
