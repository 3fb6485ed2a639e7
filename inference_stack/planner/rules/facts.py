"""The base of what rules are asked about."""

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Plain facts, from a plan or read off a resource."""

    model_config = ConfigDict(frozen=True, extra="forbid")
