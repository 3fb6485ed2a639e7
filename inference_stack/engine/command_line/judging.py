"""A whole command line, held against vLLM's parser and against the rules on what it would start."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.catalog import CATALOG
from inference_stack.engine.arguments import Argument, engine_version
from inference_stack.engine.rules import EngineUse, Gpu, engine_rules
from inference_stack.engine.rules.server import SERVER_RULES
from inference_stack.engine.rules.types import TYPE_RULES
from inference_stack.spec import Finding

from .parsed import NOT_KNOWN, Argv, Entry, Parsed, Placed, ReadConfig
from .parsing import WHOLE, parse, parse_config


def command_line_findings(
    version: str,
    argv: Argv,
    *,
    entry: Entry = "serve",
    read_config: ReadConfig | None = None,
    gpu: Gpu | None = None,
) -> list[Placed]:
    """Everything that is wrong with a command line: its words, and what the engine and server would refuse.

    As `parse` takes it; `gpu` is the card, where it is known. In the order of argv, what is about the command
    as a whole first.
    """
    parsed = parse(version, argv, entry=entry, read_config=read_config)
    told = [*parsed.findings, *_by_rules(version, parsed, gpu)]
    return sorted(told, key=lambda placed: placed.token)


def option_file_findings(version: str, content: Mapping[str, Any]) -> list[Finding]:
    """Everything that is wrong with a YAML file for `vllm serve --config`; paths are its keys."""
    parsed, keys = parse_config(version, content), [*map(str, content)]
    told = [finding for _, finding in parsed.findings]
    for token, finding in _by_rules(version, parsed, None):
        _, dot, inside = finding.path.partition(".")
        told.append(finding.at(keys[token] + dot + inside))
    return told


def _by_rules(version: str, parsed: Parsed, gpu: Gpu | None) -> Iterator[Placed]:
    known = engine_version(version)
    model = str(parsed.arguments.get("model", ""))
    row = CATALOG.model(model) if NOT_KNOWN not in model else None
    unread = set(parsed.places) - set(parsed.arguments)
    # A rule that asks for them must not take them for left out.
    arguments = {**dict.fromkeys(unread, NOT_KNOWN), **parsed.arguments}
    use = EngineUse(known, arguments, row.fields if row else {}, gpu)
    # What may have been given as well can only be judged by what each argument is by itself.
    rules = (*engine_rules, *SERVER_RULES) if parsed.complete else TYPE_RULES
    for finding in (each for rule in rules for each in rule.findings(use)):
        name = finding.path.partition(".")[0].partition("[")[0]
        if name in unread:
            # What stands there is not known, or has been told already.
            continue
        yield Placed(parsed.places.get(name, WHOLE), _as_option(finding, name, known.options))


def _as_option(finding: Finding, name: str, options: Mapping[str, Argument]) -> Finding:
    """The same finding, its path as the command line has it: --compilation-config.mode."""
    return finding.at(options[name].flags[0] + finding.path[len(name) :]) if name in options else finding
