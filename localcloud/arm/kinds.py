"""The resource types the stand-in serves, read from ``tables/kinds.toml``."""

import re
import tomllib
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from localcloud.arm.refusal import RequestError
from recovery.arm_ids import PLACEHOLDER, arm_id, arm_ids
from recovery.arm_ids import TABLE as IDS

TABLE = Path(__file__).parent / "tables" / "kinds.toml"
PACKAGE = "azure-native"
POOL = f"{PACKAGE}:containerservice:AgentPool"

Autoname = Literal["random", "copy", "uuid"]

_SCOPES = frozenset({"scope", "resourceUri"})
"""Path parameters that hold a whole ARM id."""


class UnknownKindError(RequestError):
    """A resource type that the table does not name."""


class Kind(BaseModel):
    """One row of the table: how a Pulumi type maps to ARM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    id: str
    """ARM id with parameters in braces."""
    api: str
    force_new: frozenset[str] = frozenset()
    taken: str | None = None
    children: dict[str, str] = {}
    refers_to: tuple[str, ...] = ()
    long_running: bool = False
    busy: str = "AnotherOperationInProgress"

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Input names that make up the ARM id."""
        return tuple(name for name in PLACEHOLDER.findall(self.id) if name != "subscriptionId")

    @property
    def name_parameter(self) -> str:
        """The input that names the resource itself."""
        return self.parameters[-1]

    @property
    def replacing(self) -> frozenset[str]:
        """Property paths whose change replaces the resource."""
        return self.force_new | set(self.parameters)

    @cached_property
    def arm_type(self) -> str:
        """The type as ARM writes it, such as ``Microsoft.ContainerService/managedClusters/agentPools``."""
        _, _, tail = self.id.rpartition("/providers/")
        if not tail or "/providers/" not in self.id:
            return "Microsoft.Resources/resourceGroups"
        namespace, *segments = tail.split("/")
        return "/".join([namespace, *segments[::2]])

    @cached_property
    def autoname(self) -> Autoname:
        """How azure-native names the resource if the program does not."""
        if self.name_parameter in ("roleAssignmentName", "roleDefinitionId"):
            return "uuid"
        _, provider, tail = self.id.lower().rpartition("microsoft.")
        return "random" if not provider or tail.count("{") == 1 else "copy"

    def resource_id(self, inputs: dict[str, object], subscription: str) -> str:
        """The ARM id made of path parameters; all of them must be known."""
        return arm_id(self.id, inputs, subscription)

    def parse(self, resource_id: str) -> dict[str, str] | None:
        """The path parameters that an ARM id holds, or None if it is no id of this kind."""
        match = self._pattern.fullmatch(resource_id)
        if match is None:
            return None
        values = match.groupdict()
        return {name: f"/{values[name]}" if name in _SCOPES else values[name] for name in self.parameters}

    def parent_id(self, resource_id: str) -> str | None:
        """ARM id of the resource that this one is a child of, or None."""
        if len(self.parameters) < 2 or self.parameters[-2] in {"resourceGroupName", *_SCOPES}:
            return None
        template = self.id[: self.id.index(f"{{{self.parameters[-2]}}}")]
        return "/".join(resource_id.split("/")[: template.count("/") + 1])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        def group(match: re.Match[str]) -> str:
            return f"(?P<{match[1]}>{'.+' if match[1] in _SCOPES else '[^/]+'})"

        return re.compile(PLACEHOLDER.sub(group, self.id.replace(".", r"\.")), re.IGNORECASE)


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by Pulumi type token."""
    table = tomllib.loads(TABLE.read_text())
    ids = arm_ids()
    return {token: Kind(token=token, id=ids[token], **row) for token, row in table.items()}


def kind(token: str) -> Kind:
    """The kind of a Pulumi type token.

    Raises:
        UnknownKindError: the table has no such row; the message says how to add one.
    """
    try:
        return kinds()[token]
    except KeyError:
        raise UnknownKindError(
            f"localcloud's ARM does not serve {token}: it knows {len(kinds())} types. "
            f"Add a row to localcloud/arm/tables/{TABLE.name}, and its ARM id to recovery/{IDS.name}."
        ) from None
