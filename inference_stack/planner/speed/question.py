"""A measurement's conditions, as public benchmarks state them → a replica and its load.

The fields are the columns of collected measurements, numbers or text, empty where nobody said. Results and
notes may stand among them and are never read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference_stack.catalog import CATALOG
from inference_stack.catalog.config import ConfigError, layout
from inference_stack.catalog.data_files import objects

from .. import case as cases
from ..memory.budget import memory
from ..replica import Replica
from .estimate import speed
from .load import Load, Speed

MEASURED = frozenset(
    {
        "params_b",
        "active_params_b",
        "engine",
        "output_tok_s_total",
        "total_tok_s",
        "ttft_ms_p50",
        "ttft_ms_p95or99",
        "tpot_ms_p50",
        "e2e_ms_p50",
        "source",
        "measured_or_simulated",
        "notes",
        "latency_stat",
        "measured_date",
        "source_family",
        "trust",
        "prefix_caching",
        "chunked_prefill",
    }
)
"""Results, and what a measurement says about itself: accepted, never read."""

UNKNOWN = ("", "?", None)
OPEN_RUN = 200
"""Requests of a run with open arrivals that does not say how many: what published runs of this kind send."""
SCARCE, FULLER = 1 / 16, 0.95
"""Part of a card below which nobody leaves its KV cache, and the gpu_memory_utilization taken then."""
UNSTATED_RELEASE = "0.12.0"
"""vLLM of a measurement that names none: the middle of the releases that public measurements name."""
WIDEST_NODE = 8
"""Most GPUs that tensor parallelism spans where nobody said."""

PRECISIONS: Mapping[str, tuple[str, ...]] = {
    "bf16": ("bf16", "fp16", "fp32"),
    "fp16": ("bf16", "fp16", "fp32"),
    "fp8": ("fp8", "fp8-block", "fp8-dynamic", "fp8-static", "fp8-fbgemm", "fp8-modelopt"),
    "int8": ("w8a8", "gptq-int8", "w8a16"),
    "int4": ("w4a16", "awq", "gptq", "int4-experts"),
    "fp4": ("nvfp4", "nvfp4-mla", "nvfp4-mlp", "nvfp4-experts", "mxfp4"),
}
"""Layouts that go by the name of a precision; the first one of the catalog's that is general."""


class Question(BaseModel):
    """Conditions of one measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    id: str | None = None
    model_hf_id: str | None = Field(default=None, description="Id of a checkpoint of the catalog.")
    config: dict[str, Any] | None = Field(default=None, description="Its config.json, if it is outside.")
    precision: str | None = Field(
        default=None, description="bf16, fp16, fp8, int8, int4, fp4 or a layout; else as stored."
    )
    gpu: str | None = None
    sku: str | None = Field(default=None, description="Azure size in place of a GPU.")
    mig: str | None = Field(default=None, description="Slice: 2g.24gb or MIG2g.")
    gpu_count: int | None = Field(default=None, gt=0)
    tp: int | None = Field(default=None, gt=0)
    pp: int = Field(default=1, gt=0)
    ep: int = Field(default=1, gt=0, description="Above 1: experts are dealt out whole.")
    dp: int | None = Field(default=None, gt=0, description="Replicas that share the requests.")
    engine_version: str | None = None
    input_len_mean: float = Field(ge=1)
    output_len_mean: float = Field(ge=1)
    concurrency: float | None = Field(default=None, gt=0)
    request_rate_rps: float | None = Field(default=None, gt=0)
    load_mode: str = "closed-loop"
    max_model_len: int | None = Field(default=None, gt=0)
    max_num_batched_tokens: int | None = Field(default=None, gt=0)
    max_num_seqs: int | None = Field(default=None, gt=0)
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    kv_cache_dtype: str = "auto"
    enforce_eager: bool = False

    @model_validator(mode="before")
    @classmethod
    def _set_apart(cls, given: Any) -> Any:
        """Leaves out what was measured and what is unknown, and finds the config.json."""
        if not isinstance(given, Mapping):
            return given
        stated = cast("Mapping[str, Any]", given)
        fields = {k: v for k, v in stated.items() if k not in MEASURED and v not in UNKNOWN}
        if "model" in fields:
            model = fields.pop("model")
            fields.setdefault("config" if isinstance(model, Mapping) else "model_hf_id", model)
        beside = {key: value for key, value in fields.items() if key not in cls.model_fields}
        if "config" not in fields and any(mark in beside for mark in cases.CONFIG_MARKS):
            return {key: value for key, value in fields.items() if key not in beside} | {"config": beside}
        return fields

    @model_validator(mode="after")
    def _has_load(self) -> "Question":
        if self.concurrency is None and self.request_rate_rps is None:
            raise ValueError("concurrency: missing; give it, or request_rate_rps for open arrivals")
        return self


class Asked(NamedTuple):
    """A question with everything resolved."""

    question: Question
    replica: Replica
    load: Load
    """Of one replica."""
    replicas: int

    @property
    def split_stated(self) -> bool:
        """Whether someone said how the GPUs are shared out among replicas."""
        return self.replicas == 1 or self.question.tp is not None or self.question.dp is not None

    @property
    def speed(self) -> Speed:
        """The answer, for all replicas together."""
        return speed(self.replica, self.load, self.split_stated, self.replicas)


def parse(given: Sequence[Any]) -> tuple[Asked, ...]:
    """Questions as JSON objects, resolved. Raises CaseError with every error of all of them."""
    return cases.all_read(cases.parse_each(given, asked))


def asked(fields: Any) -> Asked:
    """One question. Raises CaseError with all of its errors."""
    try:
        return resolve(Question.model_validate(fields))
    except ValidationError as error:
        raise cases.CaseError("\n".join(map(_told, error.errors()))) from None


def resolve(question: Question) -> Asked:
    """The replica and its load. Raises CaseError."""
    tensor = question.tp or _widest(question.gpu_count or 1, question.pp)
    replicas = question.dp or max(1, (question.gpu_count or 1) // (tensor * question.pp))
    case = cases.Case.model_validate(
        {
            **_checkpoint(question),
            "gpu": question.gpu,
            "sku": question.sku,
            "mig": question.mig,
            "tp": tensor,
            "pp": question.pp,
            "vllm_version": question.engine_version or UNSTATED_RELEASE,
            "enable_expert_parallel": question.ep > 1,
            "max_model_len": question.max_model_len,
            "max_num_batched_tokens": question.max_num_batched_tokens,
            "max_num_seqs": question.max_num_seqs,
            "gpu_memory_utilization": question.gpu_memory_utilization,
            "kv_cache_dtype": question.kv_cache_dtype,
            "enforce_eager": question.enforce_eager,
        }
    )
    load = _load(question, replicas)
    return Asked(question, _started(question, cases.replica(case)), load, replicas)


def _started(question: Question, replica: Replica) -> Replica:
    """The replica as it must have run: with more memory where the default would not have let it start."""
    enough = memory(replica).kv_gib >= SCARCE * replica.silicon.memory_gib
    if question.gpu_memory_utilization is not None or enough:
        return replica
    return replace(replica, engine=replace(replica.engine, gpu_memory_utilization=FULLER))


def _load(question: Question, replicas: int) -> Load:
    """Of one replica, with requests dealt out evenly."""
    rate = 0.0
    arrival: Literal["closed", "open", "burst"] = "closed"
    at_once = (question.concurrency or OPEN_RUN) / replicas
    if "burst" in question.load_mode or "offline" in question.load_mode:
        arrival = "burst"
    elif question.concurrency is None and question.request_rate_rps is not None:
        arrival, rate = "open", question.request_rate_rps / replicas
    return Load(max(1.0, at_once), question.input_len_mean, question.output_len_mean, arrival, rate)


def _widest(gpus: int, stages: int) -> int:
    """Tensor parallel where nobody said: the largest power of two that divides the GPUs, within one node."""
    width = 1
    while width < WIDEST_NODE and (gpus // stages) % (2 * width) == 0:
        width *= 2
    return width


def _checkpoint(question: Question) -> dict[str, Any]:
    """Fields of a case that name the model and how it is stored."""
    if question.config is not None:
        return {"config": _stored_as(question.config, question.precision)}
    name = _full_name(question.model_hf_id)
    if question.precision is None or name is None or name not in CATALOG.models:
        return {"model": name}
    row = CATALOG.models[name]
    wanted = PRECISIONS.get(question.precision, (question.precision,))
    if row.quantization in wanted:
        return {"model": name}
    variants = sorted(
        (other.base != row.id, other.quality, other.id)
        for other in CATALOG.models.values()
        if other.config == row.config and other.quantization in wanted
    )
    if variants:
        return {"config": CATALOG.models[variants[0][2]].fields}
    return {"config": _stored_as(row.fields, question.precision)}


def _stored_as(config: Mapping[str, Any], precision: str | None) -> dict[str, Any]:
    """A config.json as if the checkpoint were stored in that precision; its own if that already is."""
    fields = dict(config)
    if precision is None:
        return fields
    wanted = PRECISIONS.get(precision, (precision,))
    try:
        if layout(fields).name in wanted:
            return fields
    except ConfigError as error:
        raise cases.CaseError(f"config: {error}") from None
    fields.pop("quantization_config", None)
    if "bf16" in wanted:
        return fields
    stored = next(
        (objects("quantizations")[name] for name in wanted if name in objects("quantizations")), None
    )
    if stored is None:
        allowed = ", ".join((*PRECISIONS, *objects("quantizations")))
        raise cases.CaseError(f"precision: {precision!r} is unknown; allowed: {allowed}")
    return fields | {"quantization_config": stored}


@cache
def _full_name(name: str | None) -> str | None:
    """The catalog's id for an id, one of another case, or a name without its publisher if that is clear."""
    if name is None:
        return None
    ends = {
        row.id
        for row in CATALOG.models.values()
        for known in row.names
        if name.lower() in (known.lower(), known.lower().split("/")[-1])
    }
    return next(iter(ends)) if len(ends) == 1 else name


def _told(fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"]) or "question"
    if fault["type"] == "extra_forbidden":
        near = CATALOG.nearest(path, Question.model_fields)
        return f"{path}: unknown field" + (f"; did you mean {' or '.join(near)}?" if near else "")
    if fault["type"] == "missing":
        return f"{path}: missing"
    return f"{path}: {fault['msg'].removeprefix('Value error, ')}; given {fault['input']!r}"
