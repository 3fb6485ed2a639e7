"""Whatever a source holds: no crash, and nothing in the result that lint has something against."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_stack.engine import versions
from inference_stack.importing.keys import within
from inference_stack.lint.linting import lint_source
from inference_stack.lint.source import Source
from inference_stack.spec import Severity
from tests.importing.sources import SERVICE, SOURCES, emitted, imported, leaves, planned

MANIFEST: dict[str, Any] = next(yaml.safe_load_all(SERVICE))
CONFIG: dict[str, Any] = yaml.safe_load(MANIFEST["spec"]["serveConfigV2"])
PLACES = sorted(set(leaves(CONFIG)))
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**12),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(["auto", "Qwen/Qwen3-8B", "H100", "fp8", [], {}, [1, "a"], {"a": {"b": 1}}]),
)


def put(document: Any, path: str, value: Any) -> None:
    steps = path.replace("[", ".[").split(".")
    for at, step in enumerate(steps):
        key = int(step[1:-1]) if step.startswith("[") else step
        if at == len(steps) - 1:
            document[key] = value
            return
        document = document[key]


@settings(max_examples=80, derandomize=True)
@given(st.dictionaries(st.sampled_from(PLACES), ODD, min_size=1, max_size=4))
def test_a_manifest_with_anything_in_it_is_imported_or_refused(changes: dict[str, Any]) -> None:
    config = json.loads(json.dumps(CONFIG))
    for path, value in changes.items():
        put(config, path, value)
    found = imported(yaml.safe_dump(config), "serve.yaml")
    told = [each.path for each in (*found.carried, *found.findings)]
    assert found.findings
    if found.content:
        assert [leaf for leaf in leaves(config) if not any(within(leaf, path) for path in told)] == []


@pytest.mark.parametrize("name", SOURCES)
def test_lint_has_nothing_against_what_is_written(name: str) -> None:
    text = imported(SOURCES[name], name).text
    found = lint_source(Source("Pulumi.x.yaml", text), versions.VLLM)
    assert [each.finding for each in found if each.finding.severity is Severity.ERROR] == []


def test_lint_has_nothing_against_what_comes_back_of_prod() -> None:
    for model in planned("prod").models:
        text = imported(emitted("prod", model)).text
        found = lint_source(Source("Pulumi.x.yaml", text), versions.VLLM)
        assert [each.finding for each in found if each.finding.severity is Severity.ERROR] == []
