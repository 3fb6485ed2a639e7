"""ARM's refusals: ``tables/refusals.toml`` and the errors made of it."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

TABLE = Path(__file__).parent / "tables" / "refusals.toml"


class Refusal(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: int
    code: str
    message: str
    wording: Literal["reported", "pattern"]
    source: str


class RequestError(Exception):
    """A request that cannot be served; its text is all a person needs."""


class ArmError(RequestError):
    """ARM answered a request with an error."""

    def __init__(self, status: int | None, code: str, message: str) -> None:
        """HTTP status (None if an operation failed later), ARM's code and its text."""
        self.status, self.code, self.message = status, code, message
        prefix = "" if status is None else f"Status={status} "
        super().__init__(f'{prefix}Code="{code}" Message="{message}"')


@cache
def refusals() -> dict[str, Refusal]:
    """Every refusal by its name in the table."""
    table = tomllib.loads(TABLE.read_text())
    return {name: Refusal.model_validate({"code": name, **row}) for name, row in table.items()}


def refusal(name: str, /, **values: object) -> ArmError:
    """The error of a row, its braces filled in; raise it."""
    row = refusals()[name]
    return ArmError(row.status, row.code, row.message.format(**values))
