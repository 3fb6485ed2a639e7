"""Sets of engine arguments in one JSON list, judged one by one."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from inference_stack.catalog import CATALOG
from inference_stack.engine import engine_argument_findings
from inference_stack.engine.arguments import engine_version
from inference_stack.engine.card import card
from inference_stack.engine.command_line import NOT_KNOWN, command_line_findings
from inference_stack.engine.command_line.options import Option, word
from inference_stack.engine.names import name_findings
from inference_stack.engine.rules import EngineUse, Gpu, engine_rules
from inference_stack.spec import Finding

GROUPS = ("engine_args", "frontend_args")
DICTS = ("ray", "llm_config", "engine_kwargs", "engine_args", "python", "offline", "dict")
"""Parts of the name of a kind whose arguments stand in a dict; of all others they stand on a command line."""
VARIABLE = re.compile(r"\$\w+|\$\{[^}]*\}|\$\([^)]*\)|\{\{.*?\}\}|<[^<>]+>")
"""What a script or a template fills in later, within a value."""
RAY = ("ray", "llm_config", "engine_kwargs")
"""Those that Ray takes, with the arguments of the server in front among them."""


def lint_engine_args(sets: Sequence[Mapping[str, Any]], version: str) -> list[dict[str, Any]]:
    """Findings on each set {id, kind, engine_args, frontend_args}: [{id, findings}] in the same order.

    The names of a command line (kind vllm_serve_cli) are judged as `vllm serve` reads options, those of a
    dict (ray_llm_config, rayservice) as whole names. Where a set also names its model and accelerator, the
    rules know of them. Raises KeyError for a version that is not known here.
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
    arguments: dict[str, Any] = {}
    groups: dict[str, str] = {}
    for group in GROUPS:
        held: object = whole.get(group) or {}
        if isinstance(held, Mapping):
            named = {str(name): value for name, value in cast("Mapping[object, Any]", held).items()}
            arguments |= named
            groups |= dict.fromkeys(named, group)
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
    return [*findings, *(_placed(finding, groups) for finding in _judged(whole, arguments, version))]


def _judged(whole: Mapping[str, Any], arguments: Mapping[str, Any], version: str) -> Iterable[Finding]:
    """Findings by the way in which arguments of this kind reach vLLM; paths are names of arguments."""
    kind, model = str(whole.get("kind") or "").lower(), str(whole.get("model") or "MODEL")
    named = whole.get("accelerator")
    gpu = card(named if isinstance(named, str) else None)
    if not any(part in kind for part in DICTS):
        return _command_findings(version, model, arguments, gpu)
    row = CATALOG.model(model)
    use = EngineUse(engine_version(version), arguments, row.fields if row else {}, gpu)
    if any(part in kind for part in RAY):
        return engine_argument_findings(use, model)
    told = (finding for rule in engine_rules for finding in rule.findings(use))
    return [*name_findings(version, arguments, taker="engine"), *told]


def _placed(finding: Finding, groups: Mapping[str, str]) -> Finding:
    """The finding where its argument stands: engine_args.max_model_len."""
    name = next((name for name in (finding.path, finding.path.partition(".")[0]) if name in groups), None)
    return finding if name is None else finding.under(groups[name])


def _command_findings(
    version: str, model: str, arguments: Mapping[str, Any], gpu: Gpu | None
) -> Iterator[Finding]:
    argv, origins = ([], []) if "model" in arguments else ([model], [""])
    for name, value in arguments.items():
        words = option_words(version, name, value)
        argv += words
        origins += [name] * len(words)
    for token, finding in command_line_findings(version, argv, gpu=gpu):
        name = origins[token] if token >= 0 else ""
        if name not in arguments:
            yield finding
            continue
        # Of --compilation-config.mode, the part behind the option.
        inside = "" if "." in name else finding.path.partition(".")[2]
        yield finding.model_copy(
            update={
                "path": f"{name}.{inside}" if inside else name,
                "given": finding.given or _shown(arguments[name]),
            }
        )


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
