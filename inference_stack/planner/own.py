"""Checkpoints that an environment brings itself: rows of the catalog for this environment alone."""

from collections.abc import Iterator

from inference_stack.catalog import Catalog, OwnRow, own_row
from inference_stack.catalog.architecture import ConfigError
from inference_stack.spec import Environment, Finding, Model, OwnModel, Severity, Unparsed, is_whole

from .checkpoint import checkpoint
from .choice.demand import PREFIXES, precision

PARAMETERS_OFF = 0.05
"""Part by which the parameters that are said may differ from those of the config.json."""


def with_own(environment: Environment, catalog: Catalog) -> Catalog:
    """The catalog with the environment's own checkpoints, as far as they can be read."""
    found: dict[str, OwnRow] = {}
    for _, model, own in _own(environment):
        if catalog.model(model.source) is None and (row := _row(model, own)):
            found.setdefault(row.id, row)
    return catalog.with_models(found.values()) if found else catalog


def own_findings(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    """What is wrong with the environment's own checkpoints; `catalog` is that without them."""
    first: dict[str, tuple[int, OwnModel]] = {}
    for index, model, own in _own(environment):
        path = f"models[{index}]"
        before, described = first.setdefault(model.source, (index, own))
        if catalog.model(model.source):
            yield Finding(
                code="own-model-known",
                path=f"{path}.source",
                given=model.source,
                what="is in the catalog, which knows what it is made of",
                allowed="this source without `own`, or a name that no checkpoint of the catalog has",
            )
        elif described != own:
            yield Finding(
                code="own-model-twice",
                path=f"{path}.own",
                what=f"describes {model.source} otherwise than models[{before}].own",
                allowed="the same, nothing here, or another source",
            )
        elif before == index:
            yield from _read(path, model, own)


def _own(environment: Environment) -> Iterator[tuple[int, Model, OwnModel]]:
    try:
        models = environment.models
    except Unparsed:
        return
    for index, model in enumerate(models):
        if is_whole(model) and model.own is not None:
            yield index, model, model.own


def _row(model: Model, own: OwnModel) -> OwnRow | None:
    try:
        return _made(model, own)
    except ConfigError:
        return None


def _made(model: Model, own: OwnModel) -> OwnRow:
    row = own_row(model.source, own.config, weights=own.weights, licence=own.licence, params_b=own.params_b)
    try:
        checkpoint(row)
    except ArithmeticError as error:
        raise ConfigError(f"the sizes in config.json make no model: {error}") from None
    try:
        precision(row)
    except ValueError:
        what = f"quantization_config stores weights as {row.quantization}, which the plan cannot judge"
        raise ConfigError(f"{what}; known names begin with {', '.join(PREFIXES)}") from None
    return row


def _read(path: str, model: Model, own: OwnModel) -> Iterator[Finding]:
    try:
        row = _made(model, own)
    except ConfigError as error:
        yield Finding(
            code="own-config-unreadable",
            path=f"{path}.own.config",
            what=f"cannot be read: {error}",
            allowed="the whole config.json of a language model, as it lies beside its weights",
        )
        return
    if assumed := row.architecture.assumed:
        yield Finding(
            code="own-config-assumed",
            severity=Severity.NOTE,
            path=f"{path}.own.config",
            what=f"is read by its fields: {assumed}",
            remedy="compare the plan's memory with the start-up log of vLLM",
        )
    derived = checkpoint(row).params / 1e9
    if row.params_b and abs(derived / row.params_b - 1) > PARAMETERS_OFF:
        yield Finding(
            code="own-parameters-differ",
            severity=Severity.WARNING,
            path=f"{path}.own.params_b",
            given=f"{row.params_b:g}",
            what=f"is said, and by its config.json the model has {derived:.3g} billion parameters",
            remedy="see whether the config.json is that of these weights",
        )
