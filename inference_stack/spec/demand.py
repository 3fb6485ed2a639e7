"""What people need of a model: how much they ask, how fast it must answer, how it is stored and housed."""

from enum import StrEnum

from pydantic import Field

from .section import Section


class Traffic(Section):
    """What a model is asked, on average."""

    requests_per_second: float = Field(gt=0, le=100_000, description="Requests a second over a busy hour.")
    peak_requests_per_second: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="Requests a second that must still meet the SLO; left out: requests_per_second.",
    )
    prompt_tokens: int | None = Field(
        default=None, ge=1, description="Mean length of a prompt, tokens; left out: that of the workload."
    )
    output_tokens: int | None = Field(
        default=None, ge=1, description="Mean length of an answer, tokens; left out: that of the workload."
    )
    shared_prefix: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Part of a prompt that earlier requests had too, as a system prompt; 0 to below 1.",
    )

    @property
    def peak(self) -> float:
        """Requests a second that the plan is made for."""
        return self.peak_requests_per_second or self.requests_per_second


class Slo(Section):
    """What the median request must see at peak. Both hold together."""

    ttft_ms: float = Field(gt=0, description="Time to the first token, milliseconds.")
    tpot_ms: float = Field(gt=0, description="Time for each further token, milliseconds.")


class Precision(StrEnum):
    """In how many bits the weights may be stored. Auto takes 16 bits, fp8 or what the maker publishes."""

    AUTO = "auto"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"
    MXFP4 = "mxfp4"
    NVFP4 = "nvfp4"


class Isolation(StrEnum):
    """Shared: nodes carry other models too. Dedicated: nodes that carry this model and no other."""

    SHARED = "shared"
    DEDICATED = "dedicated"
