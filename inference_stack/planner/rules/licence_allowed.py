"""A model may be served only under a licence that the organisation allows."""

from pydantic import Field

from inference_stack.catalog import Catalog
from inference_stack.spec import Finding, shown

from .facts import Facts


class LicenceFacts(Facts):
    """What decides whether a model may be served."""

    source: str = Field(description="Catalog id of the checkpoint, or the cloud folder of one's own.")
    claimed: str | None = Field(
        default=None, description="Licence that is claimed for a checkpoint outside of the catalog."
    )
    allowed: tuple[str, ...] = Field(description="Licence ids that the organisation allows.")


def licence_allowed(facts: LicenceFacts, catalog: Catalog) -> Finding | None:
    """The finding, if the licence of the model is not allowed or not known."""
    allowed = "models under " + (", ".join(facts.allowed) or "no licence at all")
    remedy = "choose another model, or add the licence to governance.licences after legal review"
    model = catalog.models.get(facts.source)
    licence = model.licence if model else facts.claimed
    if licence is None:
        return Finding(
            code="licence-unknown",
            path="source",
            given=shown(facts.source),
            what="is no model of the catalog, so nobody knows its licence",
            allowed=allowed,
            remedy="add the model to the catalog",
        )
    if licence in facts.allowed:
        return None
    return Finding(
        code="licence-not-allowed",
        path="source",
        given=facts.source,
        what=f"is published under {licence}, which governance.licences does not list",
        allowed=allowed,
        remedy=remedy,
    )
