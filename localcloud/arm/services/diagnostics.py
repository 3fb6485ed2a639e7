"""Diagnostic settings: which logs a resource has, and where they may go."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from localcloud.arm.refusal import refusal
from localcloud.arm.request import Put, group_name
from localcloud.arm.wire import Properties

SETTING = "azure-native:monitor:DiagnosticSetting"

_TABLE = Path(__file__).parent.parent / "tables" / "diagnostics.csv"
_SUFFIX = "/providers/microsoft.insights/"
_SINKS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")


class Logs(NamedTuple):
    """The logs of a type, as diagnostic settings name them."""

    categories: frozenset[str]
    groups: frozenset[str]


@cache
def logs() -> dict[str, Logs]:
    """The table by ARM type, in lower case."""
    with _TABLE.open(newline="") as lines:
        return {
            row["type"].lower(): Logs(frozenset(row["categories"].split()), frozenset(row["groups"].split()))
            for row in csv.DictReader(lines)
        }


def refuse(put: Put, shown: Properties) -> None:
    """Refuse a setting without a destination, of what is not there, or for a log that it does not have."""
    if not any(shown.get(sink) for sink in _SINKS):
        raise refusal("NoSink")
    about = put.id[: put.id.lower().rindex(_SUFFIX)]
    held = about.lower().removesuffix("/blobservices/default")
    if put.store.get(held) is None:
        name = about.rpartition("/")[2]
        raise refusal("ResourceNotFound", type=_type(about), name=name, group=group_name(about))
    known = logs().get(_type(about).lower())
    if known is None:
        return
    for log in shown.get("logs") or ():
        category, group = log.get("category"), log.get("categoryGroup")
        if category and group:
            raise refusal("CategoryAndGroup")
        if category and category not in known.categories:
            raise refusal("CategoryNotSupported", category=category)
        if group and group not in known.groups:
            raise refusal("CategoryGroupNotSupported", group=group)


def _type(resource_id: str) -> str:
    """The ARM type of an id, such as Microsoft.Storage/storageAccounts/blobServices."""
    provider, *parts = resource_id.rpartition("/providers/")[2].split("/")
    return "/".join((provider, *parts[::2]))
