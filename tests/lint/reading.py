"""What is told of a text: the code of each finding, and the token that it stands at."""

from inference_stack.engine import versions
from inference_stack.lint.linting import Found, lint_source
from inference_stack.lint.source import Source


def found(text: str, name: str, version: str = versions.VLLM) -> list[Found]:
    return lint_source(Source(name, text), version)


def told(text: str, name: str, version: str = versions.VLLM) -> list[tuple[str, str]]:
    return [(each.finding.code, token(each)) for each in found(text, name, version)]


def unknown(text: str, name: str) -> list[str]:
    """The tokens at which a name stands that vLLM does not know."""
    return [token for code, token in told(text, name) if code.startswith("unknown")]


def token(each: Found) -> str:
    if each.place is None:
        return ""
    line, column, length = each.place
    return each.source.line(line)[column - 1 : column - 1 + length]
