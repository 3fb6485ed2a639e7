"""One question to the planner: a model on some hardware under some settings, as a person or a log states it.

The fields are those of vLLM's start-up logs. What a log measured may stand among them and is never read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from inference_stack.catalog import CATALOG
from inference_stack.catalog.architecture import Architecture, Layout
from inference_stack.catalog.config import ConfigError, architecture, layout
from inference_stack.engine import versions

from .engine_defaults import batch, utilization
from .replica import Engine, Replica, Silicon
from .silicon import SiliconError, silicon

MEASURED = frozenset(
    (
        *(
            "engine",
            "gpu_count",
            "hybrid",
            "family",
            "group",
            "url",
            "source",
            "verified",
            "gmu_note",
            "fits",
        ),
        *("free_at_start_gib", "weights_gib", "activation_gib", "non_torch_gib", "cudagraph_gib"),
        *("cudagraph_est_gib", "cudagraph_actual_gib", "cudagraph_subtracted", "activation_plus_cg_est_gib"),
        *("consumed_gib", "kv_gib", "kv_tokens", "kv_blocks", "max_concurrency", "suggested_kv_cache_memory"),
    )
)
"""What a log measured or says about itself: accepted beside a question, never read."""

CONFIG_MARKS = ("num_hidden_layers", "text_config", "n_layer", "n_layers", "model_type")
"""Fields by which a question shows that it carries a config.json beside its own fields."""

Answerable = TypeVar("Answerable")
"""A question that could be read."""

DTYPES = ("auto", "bfloat16", "float16", "float32", "half", "float")


class CaseError(ValueError):
    """Questions that cannot be asked: every error of every question, one a line, by its id and path."""


class Lora(BaseModel):
    """Adapters held at once, and their largest rank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(gt=0)
    rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = 16


class Case(BaseModel):
    """A question, checked; what nobody gave is still open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, description="Comes back with the answer.")
    model: str | None = Field(default=None, description="Id of a checkpoint of the catalog.")
    config: dict[str, Any] | None = Field(
        default=None, description="Fields of the config.json of a checkpoint outside the catalog."
    )
    gpu: str | None = Field(default=None, description="GPU by any name that logs use.")
    sku: str | None = Field(default=None, description="Azure size in place of a GPU.")
    mig: str | None = Field(default=None, description="Slice: 2g.24gb or MIG2g.")
    total_gib: float | None = Field(default=None, gt=0, description="Memory that torch saw, GiB.")
    tp: int = Field(default=1, gt=0, description="Tensor parallel.")
    pp: int = Field(default=1, gt=0, description="Pipeline parallel.")
    vllm_version: str | None = None
    dtype: str = "auto"
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    max_model_len: int | None = Field(default=None, gt=0)
    max_num_batched_tokens: int | None = Field(default=None, gt=0)
    max_num_seqs: int | None = Field(default=None, gt=0)
    block_size: int = Field(default=16, gt=0)
    enforce_eager: bool = False
    enable_prefix_caching: bool = True
    enable_expert_parallel: bool = False
    lora: Lora | None = None
    draft_model: str | None = Field(default=None, description="Model that proposes tokens.")
    speculative_tokens: int = Field(default=0, ge=0, description="Tokens proposed in one step.")

    @model_validator(mode="before")
    @classmethod
    def _set_apart(cls, given: Any) -> Any:
        """Takes out what was measured and what was not given, and finds the config.json."""
        if not isinstance(given, Mapping):
            return given
        fields = {
            key: value
            for key, value in cast("Mapping[str, Any]", given).items()
            if key not in MEASURED and value is not None
        }
        if isinstance(fields.get("model"), Mapping):
            fields["config"] = fields.pop("model")
        beside = {key: value for key, value in fields.items() if key not in cls.model_fields}
        if "config" not in fields and any(mark in beside for mark in CONFIG_MARKS):
            return {key: value for key, value in fields.items() if key not in beside} | {"config": beside}
        return fields

    @field_validator("dtype")
    @classmethod
    def _one_dtype(cls, given: str) -> str:
        dtype = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}.get(given, given).split("/")[0]
        if dtype not in DTYPES:
            raise ValueError(f"{given!r} is no dtype; allowed: {', '.join(DTYPES)}")
        return dtype

    @cached_property
    def version(self) -> str:
        """The release of vLLM; the pinned one where the question names none."""
        found = re.search(r"0\.\d+(\.\d+)?", self.vllm_version or "")
        return found.group() if found else versions.VLLM

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was taken where the question was silent or unclear, as sentences."""
        said: list[str] = []
        if self.version not in (self.vllm_version or ""):
            named = f"{self.vllm_version!r} names no release; " if self.vllm_version else ""
            said.append(f"vllm_version: {named}{versions.VLLM}")
        if self.gpu is not None and self.sku is None and "unstated" in self.gpu:
            said.append(f"gpu: {silicon(self.gpu).gpu}")
        return tuple(said)


class Asked(NamedTuple):
    """A question with everything resolved."""

    case: Case
    replica: Replica

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was assumed, sentences."""
        known = self.replica.model.assumed
        return (*self.case.assumed, *([known] if known else []))


@dataclass(frozen=True)
class Refused:
    """A question that has no answer."""

    id: str | None
    place: int
    """Of the question in its list, from 0."""
    errors: tuple[str, ...]

    def __str__(self) -> str:
        """A line for each error, with the question that it stands in."""
        where = f"[{self.place}]" if self.id is None else f"[{self.place}] {self.id}"
        return "\n".join(f"{where}: {error}" for error in self.errors)


def parse_each(given: Sequence[Any], read: Callable[[Any], Answerable]) -> list[Answerable | Refused]:
    """Each question as `read` reads it, or why it cannot be; one that is wrong does not cost the others."""
    found: list[Answerable | Refused] = []
    for place, fields in enumerate(given):
        try:
            found.append(read(fields))
        except CaseError as error:
            named = cast("Mapping[str, Any]", fields).get("id") if isinstance(fields, Mapping) else None
            found.append(
                Refused(None if named is None else str(named), place, tuple(str(error).splitlines()))
            )
    return found


def all_read(found: Sequence[Answerable | Refused]) -> tuple[Answerable, ...]:
    """The questions. Raises CaseError with every error of all of them."""
    if refused := [each for each in found if isinstance(each, Refused)]:
        raise CaseError("\n".join(map(str, refused)))
    return tuple(each for each in found if not isinstance(each, Refused))


def parse(given: Sequence[Any]) -> tuple[Asked, ...]:
    """Questions as JSON objects → replicas. Raises CaseError with every error of all of them."""
    return all_read(parse_each(given, asked))


def asked(fields: Any) -> Asked:
    """One question. Raises CaseError with all of its errors."""
    try:
        case = Case.model_validate(fields)
    except ValidationError as error:
        faults = error.errors()
        told = [_told(fault) for fault in faults]
        wrong = {fault["loc"][0] for fault in faults if fault["loc"]}
        if wrong and isinstance(fields, Mapping):
            # What else is wrong, without the fields that are known to be.
            rest = {k: v for k, v in cast("Mapping[str, Any]", fields).items() if k not in wrong}
            told += _further(rest, wrong)
        raise CaseError("\n".join(told)) from None
    return Asked(case, replica(case))


def _further(fields: Mapping[str, Any], wrong: set[int | str]) -> list[str]:
    try:
        replica(Case.model_validate(fields))
    except ValidationError:
        return []
    except CaseError as error:
        return [line for line in str(error).splitlines() if line.partition(":")[0] not in wrong]
    return []


def replica(case: Case) -> Replica:
    """What a question describes, vLLM's defaults filled in. Raises CaseError with all of its errors."""
    errors: list[str] = []
    unit = _unit(case, errors)
    model = _model(case, errors)
    draft = _drafting(case, errors)
    if unit is None or model is None or errors:
        raise CaseError("\n".join(errors))
    return _assembled(case, unit, model, draft)


def resolve_model(
    name: str | None, config: Mapping[str, Any] | None = None, quantization: str | None = None
) -> tuple[Architecture, Layout]:
    """Architecture and layout of a checkpoint of the catalog, or of one given by its config.json.

    `quantization` is the engine's argument: fp8 quantizes a 16-bit checkpoint as it loads. Raises CaseError.
    """
    return _catalog_model(name, quantization) if config is None else _checkpoint(config, quantization)


@cache
def _catalog_model(name: str | None, quantization: str | None) -> tuple[Architecture, Layout]:
    return _checkpoint(_catalog_config(name), quantization)


def _checkpoint(config: Mapping[str, Any], quantization: str | None) -> tuple[Architecture, Layout]:
    stored = "quantization_config" in config or quantization in (None, "fp8", "fp8_per_tensor")
    try:
        return architecture(config), layout(config, quantization if stored else None)
    except ConfigError as error:
        raise CaseError(f"config: {error}") from None


def _catalog_config(name: str | None) -> Mapping[str, Any]:
    if name is None:
        raise CaseError(
            "model: missing; give the id of a catalog model, or the config.json's fields as config"
        )
    id_ = _ids().get(name.lower())
    if id_ is None:
        near = CATALOG.nearest(name, CATALOG.models)
        meant = f"; did you mean {' or '.join(near)}?" if near else "."
        raise CaseError(
            f"model: {name!r} is not in the catalog{meant} "
            "A model outside of it: give the fields of its config.json as config"
        )
    return CATALOG.models[id_].fields


@cache
def _ids() -> Mapping[str, str]:
    """Ids of the catalog by every name of a checkpoint; the hub does not tell upper and lower case apart."""
    return {name.lower(): row.id for row in CATALOG.models.values() for name in row.names}


def _unit(case: Case, errors: list[str]) -> Silicon | None:
    if case.gpu is None and case.sku is None:
        errors.append("gpu: missing; give a GPU or an Azure size (sku)")
        return None
    if case.mig is not None and case.tp > 1:
        errors.append(f"tp: {case.tp} with mig {case.mig}: tensor parallel does not span slices; allowed: 1")
    try:
        return silicon(case.gpu, sku=case.sku, mig=case.mig, total_gib=case.total_gib)
    except SiliconError as error:
        errors.append(str(error))
        return None


def _model(case: Case, errors: list[str]) -> tuple[Architecture, Layout] | None:
    try:
        found = resolve_model(case.model, case.config, case.quantization)
    except CaseError as error:
        errors.append(str(error))
        return None
    limit = found[0].max_position_embeddings
    if case.max_model_len is not None and case.max_model_len > limit:
        errors.append(
            f"max_model_len: {case.max_model_len} is longer than the model's context; allowed: ≤ {limit}"
        )
    return found


def _drafting(case: Case, errors: list[str]) -> tuple[Architecture, Layout] | None:
    if case.draft_model is None:
        return None
    try:
        return resolve_model(case.draft_model)
    except CaseError as error:
        errors.append(f"draft_{error}")
        return None


def _assembled(
    case: Case, unit: Silicon, model: tuple[Architecture, Layout], draft: tuple[Architecture, Layout] | None
) -> Replica:
    context = case.max_model_len or model[0].max_position_embeddings
    tokens, seqs = batch(unit, context, case.max_num_batched_tokens, case.max_num_seqs)
    version = case.version
    engine = Engine(
        max_model_len=context,
        max_num_batched_tokens=tokens,
        max_num_seqs=seqs,
        gpu_memory_utilization=case.gpu_memory_utilization or utilization(version),
        dtype="bfloat16" if case.dtype == "auto" else case.dtype,
        kv_cache_dtype=case.kv_cache_dtype,
        block_size=case.block_size,
        enforce_eager=case.enforce_eager,
        enable_prefix_caching=case.enable_prefix_caching,
        enable_expert_parallel=case.enable_expert_parallel,
        max_loras=case.lora.count if case.lora else 0,
        max_lora_rank=case.lora.rank if case.lora else 0,
        speculative_tokens=case.speculative_tokens,
        version=version,
    )
    proposer = Replica(*draft, unit, engine, case.tp) if draft else None
    return Replica(*model, unit, engine, case.tp, case.pp, proposer)


def _told(fault: Any) -> str:
    """One error of pydantic's in our manner: path, what is wrong, what was given."""
    path = ".".join(str(part) for part in fault["loc"]) or "case"
    if fault["type"] == "extra_forbidden":
        near = CATALOG.nearest(path, Case.model_fields)
        return f"{path}: unknown field" + (f"; did you mean {' or '.join(near)}?" if near else "")
    return f"{path}: {fault['msg'].removeprefix('Value error, ')}; given {fault['input']!r}"
