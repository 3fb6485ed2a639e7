"""Models as people ask for them."""

from typing import Literal

from pydantic import Field, JsonValue

from .demand import Isolation, Precision, Slo, Traffic
from .names import Name, PoolName
from .section import Section
from .weights import AtCommit


class Adapter(Section):
    """A LoRA adapter, requested by clients as `<model>:<adapter>`."""

    name: Name = Field(description="What clients ask for behind the colon.")
    rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = Field(default=16, description="LoRA rank.")
    source: AtCommit | None = Field(
        default=None,
        description="Repository of the hub that it is copied from, `owner/name@commit`; left out: it lies "
        "in the storage account already.",
    )


class Replicas(Section):
    """How many copies of a model may run."""

    min: int = Field(default=0, ge=0, le=1000, description="Replicas kept when nobody asks for anything.")
    max: int = Field(ge=1, le=1000, description="Replicas at peak.")


class Placement(Section):
    """Where a model runs, where the user wants to decide that."""

    pool: PoolName = Field(description="Name of a pool of this environment.")
    gpus: int = Field(
        default=1, ge=1, le=8, description="GPUs a stage of a replica spans (tensor parallel); 1 for a slice."
    )
    pipeline: int = Field(
        default=1, ge=1, le=8, description="Stages of a replica, each on its own GPUs (pipeline parallel)."
    )


class OwnModel(Section):
    """A checkpoint that the catalog does not have: what would stand in the catalog."""

    config: dict[str, JsonValue] = Field(
        description="Content of its config.json; JSON may be pasted as it is.", min_length=1
    )
    weights: str = Field(
        pattern=r"^(abfss|azure|s3|gs)://\S+$",
        description="Where its files lie, for example abfss://weights@account.dfs.core.windows.net/name.",
    )
    licence: str = Field(description="Licence id, as in `governance.licences`.", min_length=1)
    params_b: float | None = Field(default=None, gt=0, description="Parameters, billions, to be told.")


class Model(Section):
    """One model as people ask for it. With `traffic`, the plan decides how many replicas do how much."""

    name: Name = Field(description="What clients put into `model`.")
    source: str = Field(
        description="Catalog id of the checkpoint, for example Qwen/Qwen3-8B; with `own`, any other.",
    )
    own: OwnModel | None = Field(
        default=None, description="The checkpoint itself, where the catalog does not have it."
    )
    workload: Name | None = Field(
        default=None,
        description="Class of the catalog that the model serves, for example code; it gives what `traffic` "
        "and `slo` leave out.",
    )
    context_tokens: int = Field(ge=256, description="Longest request, prompt and output together, tokens.")
    traffic: Traffic | None = Field(
        default=None, description="What the model is asked; the number of replicas follows from it."
    )
    slo: Slo | None = Field(
        default=None,
        description="How fast it must answer; how much a replica takes on follows from it. Left out: that of "
        "the workload.",
    )
    precision: Precision = Field(
        default=Precision.AUTO,
        description="How the weights are stored; auto: 16 bits, fp8 or what the maker publishes.",
    )
    disaggregated: bool = Field(
        default=False, description="Whether prompts are read on other GPUs than answers are written on."
    )
    isolation: Isolation = Field(
        default=Isolation.SHARED, description="shared: nodes with other models; dedicated: nodes of its own."
    )
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Requests that one replica works on at the same time; left out: what the SLO allows, "
        "or 8 without traffic.",
    )
    replicas: Replicas | None = Field(
        default=None, description="Bounds of the number of replicas; left out: what the traffic needs."
    )
    adapters: tuple[Adapter, ...] = Field(default=(), description="LoRA adapters served on this base.")
    placement: Placement | Literal["auto"] = Field(
        default="auto", description="A pool to run on, or auto for the cheapest that will do."
    )
    engine: dict[str, JsonValue] = Field(
        default_factory=dict, description="vLLM engine arguments beyond those that the plan derives."
    )
    routing: Literal["balanced", "prefix"] = Field(
        default="balanced",
        description="balanced: to the less busy of two replicas; prefix: to the one that has read most of "
        "the prompt before.",
    )
    upgrade: Literal["auto", "NewCluster", "None"] = Field(
        default="auto",
        description="NewCluster: a changed service starts beside the old one and takes its GPUs twice; "
        "None: a change of its pods waits until the service is made anew; auto: NewCluster where a second "
        "set of its fewest replicas has room, else None.",
    )
