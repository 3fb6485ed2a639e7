"""What every part of a plan is."""

from pydantic import BaseModel, ConfigDict


class Planned(BaseModel):
    """A part of the plan. Immutable, and the same JSON both ways."""

    model_config = ConfigDict(frozen=True, extra="forbid")
