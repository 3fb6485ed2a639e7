"""What another version of vLLM does to an engine that runs today."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inference_stack.spec import Finding, Severity

from .arguments import EngineVersion
from .arguments.difference import Change, changes
from .names import name_findings
from .rules import EngineUse, engine_rules


class Effect(BaseModel):
    """What a change of version does to one engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: tuple[str, ...] = Field(description="Arguments that it is given, fields of objects among them.")
    refused: tuple[Finding, ...] = Field(description="What the new version refuses and the old one took.")
    defaults: tuple[Change, ...] = Field(description="Defaults that change under it: it is given no value.")


def effect(arguments: Mapping[str, JsonValue], old: EngineVersion, new: EngineVersion) -> Effect:
    """What changes for an engine with these arguments, by what both versions declare and the rules on it."""
    given = tuple(_names(arguments, ""))
    before = {(finding.code, finding.path) for finding in _errors(arguments, old)}
    refused = (each for each in _errors(arguments, new) if (each.code, each.path) not in before)
    defaults = (each for each in changes(old, new) if each.kind == "default" and each.name not in given)
    return Effect(given=given, refused=tuple(refused), defaults=tuple(defaults))


def _names(arguments: Mapping[str, JsonValue], path: str) -> Iterator[str]:
    for name, value in sorted(arguments.items()):
        yield f"{path}{name}"
        if isinstance(value, dict):
            yield from _names(value, f"{path}{name}.")


def _errors(arguments: Mapping[str, JsonValue], version: EngineVersion) -> Iterator[Finding]:
    yield from name_findings(version.version, arguments)
    use = EngineUse(version, arguments)
    for rule in engine_rules:
        if rule.severity is Severity.ERROR:
            yield from rule.findings(use)
