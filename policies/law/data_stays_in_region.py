"""Data lies where it may, and is not copied elsewhere."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import STORAGE_ACCOUNT
from policies.rule import Violation, rule
from policies.seen import Seen
from policies.tagged import TAGGED

ACROSS = ("GRS", "GZRS")
"""Ends of the storage SKUs that copy into the paired region."""
REPLICATION = "azure-native:containerregistry:Replication"
ANYWHERE = {"global"}


@rule(
    demand="Every resource lies in an allowed region, and copies its data to no other.",
    why="Where data lies decides which law reads it, and what was promised to the people it is about.",
    remedy="place it in an allowed region, or add the region to governance.regions after review",
    on=[*TAGGED, REPLICATION],
    references=["Azure Policy: Allowed locations"],
)
def data_stays_in_region(resource: Seen, context: Context) -> Iterator[Violation]:
    """Resources in other regions, and storage that copies itself to one."""
    allowed = _allowed(context)
    if not allowed:
        return
    told = ", ".join(sorted(allowed))
    location = _plain(str(resource.get("location", "")))
    if location and location not in allowed | ANYWHERE:
        yield Violation("location", location, "is no region in which data may lie", told)
    if resource.type == STORAGE_ACCOUNT and str(resource.get("sku.name", "")).endswith(ACROSS):
        given = str(resource.get("sku.name"))
        yield Violation(
            "sku.name", given, "copies the data into the paired region", "Standard_LRS or Standard_ZRS"
        )


def _allowed(context: Context) -> set[str]:
    if context.governance.regions:
        return {_plain(region) for region in context.governance.regions}
    region = vars(context.environment).get("region") if context.environment else None
    return {region} if region else set()


def _plain(region: str) -> str:
    """Azure takes East US 2 for eastus2."""
    return region.replace(" ", "").lower()
