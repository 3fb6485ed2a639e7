"""What the stand-in is told to do wrong: refuse, fail or go silent, at a chosen write operation."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One order, used up by the write operation (a PUT or a DELETE) that it strikes.

    It strikes the write operation number ``at`` of its store, or else the next one on ``type`` and ``name``;
    what is left out matches any. `Store.order` takes it, `Store.operations` says how many there were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["refuse", "fail", "stall", "hang"]
    """refuse: ARM answers with an error, nothing changes. fail: accepted, then the operation fails; the
    resource stays, its provisioningState ``Failed``. stall: accepted and done, but the answer never comes.
    hang: neither taken nor answered. The provider waits for an answer until it is killed or cancelled."""
    at: int | None = Field(default=None, ge=1)
    """Number of the write operation, counted from the store's beginning."""
    type: str | None = None
    """Pulumi type token."""
    name: str | None = None
    """Name in ARM, whatever its case."""
    refusal: str = "ResourceOperationFailure"
    """Row of ``refusals.toml``: what ARM says where it refuses or fails."""
    message: str | None = None
    """What it says instead of the row's text."""

    def strikes(self, operation: int, token: str, name: str) -> bool:
        """Whether it is meant for that write operation."""
        return (
            self.at in (None, operation)
            and self.type in (None, token)
            and (self.name is None or self.name.lower() == name.lower())
        )
