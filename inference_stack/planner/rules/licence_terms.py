"""What a licence permits: production at all, and for organisations of which countries."""

from functools import cache
from pathlib import Path

from pydantic import Field

from inference_stack.catalog import Catalog
from inference_stack.catalog.data_files import parsed
from inference_stack.catalog.rows import Row
from inference_stack.spec import Finding, Severity

from .countries import within
from .facts import Facts


class LicenceTerms(Row):
    """What a licence of the catalog permits. No legal advice: what is not verified says so."""

    licence: str
    production: bool = Field(description="Whether it permits use beyond research and trials.")
    not_granted_to: str | None = Field(
        default=None, description="Country or union whose organisations it leaves out, by domicile."
    )
    conditions: str | None = Field(default=None, description="What it asks for besides, in short.")
    verified: bool


class LicenceUse(Facts):
    """What decides whether a licence permits the use."""

    source: str = Field(description="Catalog id of the checkpoint.")
    licence: str | None = Field(default=None, description="Licence claimed for one outside of the catalog.")
    domicile: str | None = Field(
        default=None, description="Country of the organisation's principal place of business."
    )


@cache
def licence_terms() -> dict[str, LicenceTerms]:
    """Terms by licence id."""
    text = (Path(__file__).parent / "data" / "licence_terms.csv").read_text()
    return {row.licence: row for row in parsed("licence_terms", text, LicenceTerms)}


def licence_permits_production(facts: LicenceUse, catalog: Catalog) -> Finding | None:
    """The finding, if the licence does not permit production there, or its terms are not known."""
    model = catalog.models.get(facts.source)
    licence = model.licence if model else facts.licence
    terms = licence_terms().get(licence or "")
    if licence is None or (terms and terms.production and not terms.not_granted_to):
        return None
    if terms is None:
        return _finding(facts, f"is published under {licence}, whose terms nobody has read for this stack")
    if not terms.production:
        return _finding(facts, f"is published under {licence}, which is {terms.conditions}")
    if facts.domicile is None:
        what = (
            f"is published under {licence}, which is not granted to organisations in {terms.not_granted_to}"
        )
        return _finding(facts, f"{what}, and governance.domicile is not said")
    if within(facts.domicile, terms.not_granted_to or ""):
        return _finding(
            facts, f"is published under {licence}, which is not granted to organisations in {facts.domicile}"
        )
    return None


def _finding(facts: LicenceUse, what: str) -> Finding:
    return Finding(
        code="licence-forbids-production",
        severity=Severity.WARNING,
        path="source",
        given=facts.source,
        what=what,
        allowed="a licence that permits production: "
        + ", ".join(
            name for name, each in licence_terms().items() if each.production and not each.conditions
        ),
        remedy="take another model, or a licence of the publisher for this use",
    )
