"""From a file that somebody runs to an environment, and to everything that the environment does not say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_stack.engine import versions
from inference_stack.lint import files
from inference_stack.lint.source import Source
from inference_stack.spec import Finding, Severity

from .environment import environment
from .keys import Fate, Told
from .reading import Part, read
from .writing import written

WHOLE = "document"


@dataclass(frozen=True)
class Imported:
    """An environment, and what became of each key of the source."""

    source: str
    content: dict[str, Any]
    """What stands under `inference-stack:environment`; empty where the source has no engine."""
    text: str
    """The file."""
    carried: tuple[Told, ...]
    findings: tuple[Finding, ...]
    """On the source: what is derived, and what is left."""
    to_check: tuple[Finding, ...] = ()
    """On the environment: what nobody said, and what the planner has against it."""


def import_file(path: str, version: str = versions.VLLM) -> Imported:
    """Import a file; `-` is the standard input. What cannot be read is a finding."""
    source = files.read(path)
    if isinstance(source, Finding):
        return Imported(path, {}, "", (), (source,))
    return import_source(source, version)


def import_source(source: Source, version: str = versions.VLLM) -> Imported:
    """Import a text that was read. Raises KeyError for a version that is not known here."""
    found = read(source, version)
    if not found.engines:
        found.tell_the_rest()
        return Imported(source.name, {}, "", (), (*found.faults, _no_engine()))
    draft = environment(found.engines, version)
    found.tell_the_rest()
    told = [(part, one) for part in found.parts for one in part.keys.told]
    text = written(
        draft.content,
        draft.comments,
        f"Imported from {Path(source.name).name}; lines with a comment are to be checked.",
    )
    return Imported(
        source.name,
        draft.content,
        text,
        tuple(one for _, one in told if one.fate is Fate.CARRIED),
        (*found.faults, *_key_findings(told)),
        (*_assumed(draft.comments), *draft.findings),
    )


def _key_findings(told: list[tuple[Part, Told]]) -> Iterator[Finding]:
    for part, one in told:
        line = part.line(one.path)
        if one.fate is Fate.DERIVED:
            yield Finding(
                code="import-derived",
                severity=Severity.NOTE,
                path=one.path or WHOLE,
                what=f"decided by {one.what}",
                line=line,
            )
        elif one.fate is Fate.LEFT:
            yield Finding(
                code="import-left",
                severity=Severity.WARNING,
                path=one.path or WHOLE,
                given=one.given,
                what=f"not carried over: {one.what}",
                remedy=one.remedy,
                line=line,
            )


def _assumed(comments: dict[str, str]) -> Iterator[Finding]:
    for path, what in comments.items():
        yield Finding(code="import-assumed", severity=Severity.NOTE, path=path, what=what)


def _no_engine() -> Finding:
    return Finding(
        code="import-nothing",
        path="",
        what="there is no engine in it that an environment could ask for",
        allowed="a RayService, Serve configuration, model of Ray Serve LLM, or command that starts vLLM",
    )
