"""What is copied from the hub into the environment's storage before a model may start."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from inference_stack.catalog import Catalog
from inference_stack.spec import Environment, Finding, Severity

from .plan import PlannedModel


class Copy(NamedTuple):
    """A checkpoint or an adapter, from a commit of the hub into a folder."""

    name: str
    """Of the repository, for people."""
    source: str
    """`owner/name@commit`."""
    folder: str
    """abfss:// address, as Ray reads it."""


def adapters_folder(environment: Environment, model: str) -> str:
    """Cloud folder that holds a folder for each adapter of a model."""
    return _folder(environment, "adapters", model)


def weights_folder(environment: Environment, checkpoint: str) -> str | None:
    """Cloud folder of a checkpoint that is copied; None for one that is not.

    Another commit is another folder: what is served is never written to.
    """
    commit = environment.weights.copied.get(checkpoint)
    return commit and _folder(environment, "weights", f"{checkpoint}/{commit}")


def copies(environment: Environment, models: Iterable[PlannedModel]) -> tuple[Copy, ...]:
    """Everything that these models need copied, each once."""
    found: dict[str, Copy] = {}
    asked = {model.name: model for model in environment.models}
    for model in models:
        folder = weights_folder(environment, model.checkpoint)
        if folder and folder == model.weights:
            commit = environment.weights.copied[model.checkpoint]
            found[folder] = Copy(model.checkpoint, f"{model.checkpoint}@{commit}", folder)
        for adapter in asked[model.name].adapters:
            if adapter.source:
                into = f"{adapters_folder(environment, model.name)}/{adapter.name}"
                found[into] = Copy(f"{model.name}-{adapter.name}", adapter.source, into)
    return tuple(found.values())


def copies_findings(
    environment: Environment, models: Sequence[PlannedModel], catalog: Catalog
) -> Iterator[Finding]:
    """Checkpoints that would be copied for nothing, and those that cannot be had without a token."""
    loaded = {model.checkpoint: model for model in models}
    for checkpoint in environment.weights.copied:
        path = f'weights.copied["{checkpoint}"]'
        model, row = loaded.get(checkpoint), catalog.models.get(checkpoint)
        if model is None:
            yield Finding(
                code="copied-unused",
                severity=Severity.WARNING,
                path=path,
                what="is loaded by no model of this environment, and is not copied",
                allowed=", ".join(loaded),
            )
        elif row and row.gated and environment.weights.token_secret is None:
            yield Finding(
                code="gated-without-token",
                path=path,
                what="is given by its owner only to whom agrees to the licence, and no token says who asks",
                allowed="the key weights.token_secret: name of a secret in the Key Vault",
            )


def _folder(environment: Environment, container: str, path: str) -> str:
    return f"abfss://{container}@{environment.storage_account}.dfs.core.windows.net/{path}"
