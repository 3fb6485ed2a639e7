"""Which properties ARM lets nobody change, from ``tables/immutable.csv`` and ``tables/transitions.csv``."""

import csv
import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from localcloud.arm import wire
from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put
from localcloud.arm.wire import Properties

_TABLES = Path(__file__).parent / "tables"


class Immutable(BaseModel):
    """A property that keeps the value it was created with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    """Pulumi type token."""
    property: str
    """Path by the SDK's names."""
    refusal: str
    """Row of ``refusals.toml``."""
    target: str
    """The path as ARM's text names it."""
    absent_means: str
    """What no value stands for; empty if for itself."""
    wording: Literal["reported", "pattern"]
    source: str


@cache
def immutables() -> tuple[Immutable, ...]:
    """Every row of ``immutable.csv``."""
    with (_TABLES / "immutable.csv").open(newline="") as lines:
        return tuple(Immutable.model_validate(row) for row in csv.DictReader(lines))


@cache
def transitions() -> dict[str, frozenset[tuple[str, str]]]:
    """Cluster properties that change one way only: the changes allowed, from and to; empty is no value."""
    allowed: dict[str, set[tuple[str, str]]] = {}
    with (_TABLES / "transitions.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            allowed.setdefault(row["property"], set()).add((row["from"], row["to"]))
    return {name: frozenset(pairs) for name, pairs in allowed.items()}


def settled(put: Put) -> Properties:
    """The body of a PUT with the values that stay when it leaves them out.

    Raises:
        ArmError: the body wants to change one of them.
    """
    body = deepcopy(put.body)
    if put.current is None:
        return body
    for row in immutables():
        if row.type == put.kind.token:
            _settle(put, body, row)
    return body


def _settle(put: Put, body: Properties, row: Immutable) -> None:
    wanted, present = (
        wire.get(body, row.property),
        wire.get(put.current.properties if put.current else {}, row.property),
    )
    if wanted is None:
        if present is not None and row.refusal == "CustomConfigChanged":
            raise refusal(row.refusal)
        if present is not None:
            wire.put(body, row.property, present)
    elif _canonical(wanted, row) != _canonical(present, row) and not _may_become(
        row.property, present, wanted
    ):
        target = row.target.replace("properties.", "agentPoolProfile.") if put.inline else row.target
        raise refusal(row.refusal, target=target)


def _may_become(path: str, present: Any, wanted: Any) -> bool:
    return (_text(present), _text(wanted)) in transitions().get(path, ())


def refuse_transition(put: Put, path: str) -> None:
    """Refuse a change of a one-way cluster property that the table does not allow."""
    wanted, present = wire.get(put.body, path), put.current and wire.get(put.current.properties, path)
    if put.current is None or wanted is None or _text(wanted) == _text(present):
        return
    if (_text(present), _text(wanted)) not in transitions()[path]:
        if path == "oidcIssuerProfile.enabled":
            raise refusal("OIDCIssuerCannotBeDisabled")
        raise refusal("PropertyChangeNotAllowed", target=path)


def _canonical(value: Any, row: Immutable) -> str:
    if value is None:
        value = row.absent_means
    if isinstance(value, list):
        value = sorted(value, key=str)
    return (json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else _text(value)).lower()


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
