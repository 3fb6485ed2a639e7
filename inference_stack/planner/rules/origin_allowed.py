"""Whether a model of this publisher and country may serve this industry there."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import Field

from inference_stack.catalog import Catalog
from inference_stack.catalog.data_files import parsed
from inference_stack.catalog.rows import Row
from inference_stack.spec import Finding, Severity

from .countries import within
from .facts import Facts


class Restriction(Row):
    """A rule on the origin of models that somebody has made: a law, a directive, or our judgement."""

    publisher: str | None = Field(default=None, description="First part of the model's id; None for any.")
    origin: str | None = Field(default=None, description="Country of the publisher; None for any.")
    industry: str
    country: str | None = Field(default=None, description="Where it holds; None for everywhere.")
    what: str = Field(description="What it says, in short.")
    binding: bool = Field(description="Whether it binds, or is to be weighed.")
    verified: bool


class OriginFacts(Facts):
    """What decides whether a model may serve there."""

    source: str = Field(description="Catalog id of the checkpoint.")
    industry: str | None = Field(description="What the organisation does; None where nobody says.")
    domicile: str | None = Field(description="Country of the organisation; None where nobody says.")


@cache
def restrictions() -> tuple[Restriction, ...]:
    """Every restriction that is known."""
    text = (Path(__file__).parent / "data" / "restrictions.csv").read_text()
    return parsed("restrictions", text, Restriction)


def origin_allowed(facts: OriginFacts, catalog: Catalog) -> Iterator[Finding]:
    """What forbids the model, and what is to be weighed; of one kind the narrowest alone."""
    model = catalog.models.get(facts.source)
    if model is None or facts.industry is None:
        return
    publishers = {facts.source.partition("/")[0]}
    if model.base:
        publishers.add(model.base.partition("/")[0])
    told = [each for each in restrictions() if _holds(each, facts, publishers, model.origin)]
    for each in [one for one in told if one.binding] or told[:1]:
        yield Finding(
            code="origin-restricted",
            severity=Severity.WARNING,
            path="source",
            given=facts.source,
            what=f"comes from {each.publisher or each.origin}, and {each.what}",
            remedy="take a model of another origin, or have it reviewed and waive this with the review",
            reference=each.source,
        )


def _holds(each: Restriction, facts: OriginFacts, publishers: set[str], origin: str | None) -> bool:
    return (
        each.industry == facts.industry
        and (each.publisher is None or each.publisher in publishers)
        and (each.origin is None or each.origin == origin)
        and (each.country is None or (facts.domicile is not None and within(facts.domicile, each.country)))
    )
