"""What the platform is for: classes of use, and the models that may serve them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .rows import Row


class Candidate(BaseModel):
    """A model that may serve a class of use."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    model: str = Field(description="Id of a model of the catalog.")
    why: str = Field(description="What speaks for it.")
    format: str | None = Field(
        default=None, description="Edge only: the artefact to ship, a row of edge_formats.csv."
    )


class Workload(Row):
    """A class of use: what a request looks like, how fast it must be answered, which models come first."""

    name: str = Field(description="What an environment writes, for example internal-copilot.")
    title: str
    what: str
    prompt_tokens: int = Field(gt=0, description="Typical (mean) length of a prompt, tokens.")
    output_tokens: int = Field(gt=0, description="Typical (mean) length of an answer, tokens.")
    ttft_ms: float = Field(gt=0, description="Time to the first token that people accept.")
    tpot_ms: float = Field(gt=0, description="Time for each further token that people accept.")
    licences: tuple[str, ...] = Field(description="Licence ids that allow this use as they stand.")
    licence_note: str
    candidates: tuple[Candidate, ...] = Field(
        description="Smallest first: take the first that is good enough."
    )
    ours: tuple[
        Literal["prompt_tokens", "output_tokens", "ttft_ms", "tpot_ms", "licences", "candidates"], ...
    ] = Field(description="Fields that are our judgement rather than somebody's measurement.")


class EdgeFormat(Row):
    """A form in which a model is shipped to devices, and how many bits its weights take there."""

    name: str
    artefact: str = Field(description="What to ship.")
    runtime: str = Field(description="What runs it.")
    runs_on: str
    body_bits: float = Field(description="Bits of a weight of the blocks, scales included.")
    head_bits: float = Field(description="Bits of a weight of the output head, and of embeddings tied to it.")
    embedding_bits: float = Field(description="Bits of a weight of embeddings of their own.")
    overhead_gib: float = Field(description="Memory that the runtime takes beside weights and KV cache, GiB.")
    verified: bool
