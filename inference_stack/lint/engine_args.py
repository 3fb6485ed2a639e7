"""Sets of engine arguments in one JSON list, judged one by one."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from inference_stack.engine import names
from inference_stack.engine.arguments import engine_version
from inference_stack.engine.command_line import NOT_KNOWN, parse
from inference_stack.engine.command_line.options import Option, word
from inference_stack.spec import Finding

GROUPS = ("engine_args", "frontend_args")
DICTS = ("ray", "llm_config", "engine_kwargs", "engine_args", "python", "offline", "dict")
"""Parts of the name of a kind whose arguments stand in a dict; of all others they stand on a command line."""
VARIABLE = re.compile(r"\$\w+|\$\{[^}]*\}|\$\([^)]*\)|\{\{.*?\}\}|<[^<>]+>")
"""What a script or a template fills in later, within a value."""
RAY = ("ray", "llm_config", "engine_kwargs")
"""Those that Ray takes, with the arguments of the server in front among them."""


def lint_engine_args(sets: Sequence[Mapping[str, Any]], version: str) -> list[dict[str, Any]]:
    """Findings on each set {id, kind, model, engine_args, frontend_args}: [{id, findings}] in the same order.

    The names of a command line (kind vllm_serve_cli) are judged as `vllm serve` reads options, those of a
    dict (ray_llm_config, rayservice) as whole names. Raises KeyError for a version that is not known here.
    """
    engine_version(version)
    return [
        {"id": _at(given, "id"), "findings": [_told(finding) for finding in set_findings(given, version)]}
        for given in sets
    ]


def set_findings(given: object, version: str) -> list[Finding]:
    """Everything that is wrong with one set; one that is no set is a finding too."""
    if not isinstance(given, Mapping):
        return [
            Finding(code="wrong-type", path="", given=_shown(given), what="this is no set", allowed="object")
        ]
    whole = cast("Mapping[str, Any]", given)
    findings: list[Finding] = []
    arguments: dict[str, tuple[str, Any]] = {}
    for group in GROUPS:
        held: object = whole.get(group) or {}
        if isinstance(held, Mapping):
            for name, value in cast("Mapping[object, Any]", held).items():
                arguments[str(name)] = (f"{group}.{name}", value)
        else:
            findings.append(
                Finding(
                    code="wrong-type",
                    path=group,
                    given=_shown(held),
                    what="arguments stand in an object",
                    allowed="object",
                )
            )
    kind = str(whole.get("kind") or "").lower()
    judged = _dict_findings if any(part in kind for part in DICTS) else _command_findings
    return [*findings, *judged(version, kind, arguments)]


def _dict_findings(version: str, kind: str, arguments: Mapping[str, tuple[str, Any]]) -> Iterator[Finding]:
    taker: names.Taker = "ray" if any(part in kind for part in RAY) else "engine"
    values = {name: value for name, (_, value) in arguments.items()}
    for finding in names.name_findings(version, values, taker=taker):
        yield finding.at(arguments[finding.path][0])


def _command_findings(version: str, kind: str, arguments: Mapping[str, tuple[str, Any]]) -> Iterator[Finding]:
    del kind
    argv, origins = ([], []) if "model" in arguments else (["MODEL"], [""])
    for name, (_, value) in arguments.items():
        words = option_words(version, name, value)
        argv += words
        origins += [name] * len(words)
    for token, finding in parse(version, argv).findings:
        name = origins[token]
        path, value = arguments[name]
        yield finding.model_copy(update={"path": path, "given": finding.given or _shown(value)})


def option_words(version: str, name: str, value: object) -> list[str]:
    """An argument of a dict as somebody wrote it on the command line: {seed: 8} was --seed=8."""
    option = name if name.startswith("-") else f"--{name.replace('_', '-')}"
    meant = word(version, option)
    match value:
        case True:
            return [option]
        case None | False if not isinstance(meant, Option):
            return [option]
        case None:
            return []
        case False if isinstance(meant, Option) and meant.argument.parse == "flag":
            return [*meant.argument.negated[:1]]
        case list():
            return [option, *(_text(one) for one in cast("list[object]", value))]
        case _:
            text = _text(value)
            # A value that begins with a dash would be read as an option.
            return [f"{option}={text}"]


def _text(value: object) -> str:
    if isinstance(value, str):
        return VARIABLE.sub(NOT_KNOWN, value)
    return json.dumps(value, default=str)


def _told(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(
        mode="json", include={"code", "severity", "path", "given", "what", "allowed", "remedy", "reference"}
    )


def _at(given: object, key: str) -> Any:
    return cast("Mapping[str, Any]", given).get(key) if isinstance(given, Mapping) else None


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"
