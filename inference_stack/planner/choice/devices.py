"""Models that run on devices: not placed on GPUs, but answered with what to ship and what it needs there."""

from collections.abc import Iterator

from inference_stack.catalog import Catalog
from inference_stack.planner.edge import edge_need
from inference_stack.planner.plan import EdgeModel
from inference_stack.spec import EDGE, Environment, Model

USUAL_FORM = "gguf-q4_k_m"
"""What is shipped of a model that the catalog names no form for: it runs nearly everywhere."""


def edge_models(environment: Environment, catalog: Catalog) -> Iterator[EdgeModel]:
    """The models of the environment that are meant for devices. Their sources must be in the catalog."""
    for model in environment.models:
        if model.workload == EDGE:
            yield _edge(model, catalog)


def _edge(model: Model, catalog: Catalog) -> EdgeModel:
    row = catalog.models[model.source]
    candidates = catalog.workloads[EDGE].candidates
    named = next((each.format for each in candidates if each.model == row.id and each.format), USUAL_FORM)
    form = catalog.edge_formats[named]
    need = edge_need(row, form, model.context_tokens)
    return EdgeModel(
        name=model.name,
        source=row.id,
        artefact=form.artefact,
        artefact_gib=need.artefact_gib,
        runtime=f"{form.runtime} ({form.runs_on})",
        memory_gib=need.memory_gib,
        licence=row.licence,
    )
