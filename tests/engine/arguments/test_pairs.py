"""Which releases of Ray and vLLM were tried together."""

from inference_stack.engine import versions
from inference_stack.engine.arguments.pairs import pair_findings, pairs
from inference_stack.spec import Severity


def test_the_pinned_pair_works() -> None:
    assert list(pair_findings(versions.RAY, versions.VLLM, "vllm")) == []


def test_a_pair_that_breaks_is_an_error_that_names_what_works() -> None:
    (finding,) = pair_findings("2.60.0", "0.33.0", "vllm")
    assert (finding.code, finding.severity, finding.path) == ("pair-breaks", Severity.ERROR, "vllm")
    assert finding.allowed
    assert "0.29.0" in finding.allowed


def test_a_pair_that_nobody_tried_is_a_warning() -> None:
    (finding,) = pair_findings("2.60.0", "0.34.0", "vllm")
    assert (finding.code, finding.severity) == ("pair-untested", Severity.WARNING)
    (other,) = pair_findings("9.0.0", "0.34.0", "vllm")
    assert other.remedy


def test_a_pair_that_was_configured_and_not_served_counts_as_not_tried() -> None:
    (finding,) = pair_findings("2.60.0", "0.30.0", "vllm")
    assert (finding.code, finding.allowed) == ("pair-untested", "0.29.0")
    assert "configured" in finding.what


def test_a_pair_is_told_once() -> None:
    assert len({(pair.ray, pair.vllm) for pair in pairs()}) == len(pairs())
