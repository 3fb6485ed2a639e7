"""YAML that only a template engine completes: what stands outside of its expressions."""

import re
from dataclasses import replace

from inference_stack.engine.command_line import NOT_KNOWN
from inference_stack.spec import Finding, Severity

from . import documents
from .documents import Documents
from .source import Spot, Traced

LINES = re.compile(r"^[ \t]*(?:\{\{(?:(?!\}\}).)*\}\}|\{%.*?%\})[ \t]*\r?$", re.MULTILINE | re.DOTALL)
SUBSTITUTED = re.compile(r"\$\{\w+[^}]*\}")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")


def is_template(text: str) -> bool:
    """Whether a text has something for a template engine in it (Helm, Jinja, a shell's heredoc)."""
    if NOT_KNOWN in text:
        return True
    opened = "{{" in text or "{%" in text
    return opened and (EXPRESSION.search(text) is not None or LINES.search(text) is not None)


def parse(text: Traced) -> Documents:
    """The documents of a template, NOT_KNOWN for each expression; and a note where it is no YAML so."""
    blank = LINES.sub(lambda match: re.sub(r"[^\r\n]", " ", match.group()), text.value)
    filled = EXPRESSION.sub(lambda match: NOT_KNOWN * len(match.group()), blank)
    found = documents.parse(replace(text, value=filled))
    if NOT_KNOWN in text.value or not documents.parse(text).faults:
        return found
    opening = next(text.value.find(sign) for sign in ("{{", "{%") if sign in text.value)
    start = text.offsets[opening]
    note = Finding(
        code="template",
        severity=Severity.NOTE,
        path=text.origin,
        what="a template: what its expressions become is not judged",
        remedy="lint what it renders: `helm template . | inference-stack lint -`",
    )
    return Documents(found.read, [*found.faults, Spot(note, start, start + 2)])


def is_open(finding: Finding) -> bool:
    """Whether a finding on a template may go away when it is rendered."""
    told = (finding.given, finding.what, finding.path)
    return finding.code.startswith("missing") or any(NOT_KNOWN in each for each in told if each)


def is_substituted(finding: Finding) -> bool:
    """Whether it is about a value that envsubst or the like will replace: ${MAX_MODEL_LEN}."""
    return SUBSTITUTED.search(finding.given or "") is not None
