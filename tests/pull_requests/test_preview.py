import json
from typing import Any

from pull_requests.preview import Violation, read_preview

ENDED = {"summaryEvent": {"result": "succeeded"}}
VIOLATED = {
    "policyEvent": {
        "resourceUrn": "urn:pulumi:dev::p::t::pool",
        "message": "A pool says why.\n",
        "policyName": "gpu-pool-reachable",
        "enforcementLevel": "mandatory",
    }
}
JUDGED = {"policyAnalyzeSummaryEvent": {"passed": ["licence-allowed"], "failed": ["gpu-pool-reachable"]}}


def log(*events: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, events)) + "\n"


def diagnostic(message: str, severity: str = "error") -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": severity}}


def test_a_step_is_read_with_both_of_its_states() -> None:
    step = {"op": "update", "urn": "u", "oldState": {"inputs": {"a": 1}}, "newState": {"inputs": {"a": 2}}}
    (read,) = read_preview(json.dumps({"steps": [step]}), log(ENDED)).steps
    assert (read.op, read.old["inputs"], read.new["inputs"]) == ("update", {"a": 1}, {"a": 2})


def test_a_violated_policy_forbids_but_the_preview_has_come_to_its_end() -> None:
    found = read_preview("{}", log(JUDGED, VIOLATED, diagnostic("preview failed\n"), ENDED))
    assert found.violations == (
        Violation("gpu-pool-reachable", "mandatory", "urn:pulumi:dev::p::t::pool", "A pool says why."),
    )
    assert found.forbidden
    assert found.errors == ()
    assert found.policies == {"licence-allowed", "gpu-pool-reachable"}


def test_an_advisory_violation_forbids_nothing() -> None:
    advisory = {"policyEvent": {**VIOLATED["policyEvent"], "enforcementLevel": "advisory"}}
    found = read_preview("{}", log(advisory, ENDED))
    assert found.violations
    assert not found.forbidden


def test_what_a_policy_has_mended_is_told_and_forbids_nothing() -> None:
    mended = {
        "policyName": "required-tags",
        "resourceUrn": "u",
        "before": {"sku": 1},
        "after": {"sku": 1, "tags": 2},
    }
    found = read_preview("{}", log({"policyRemediationEvent": mended}, ENDED))
    assert found.violations == (Violation("required-tags", "remediate", "u", "mends it: tags"),)
    assert not found.forbidden


def test_an_error_of_the_program_is_an_error_and_a_warning_is_none() -> None:
    found = read_preview("{}", log(diagnostic("mind the gap", "warning"), diagnostic("KeyError: 'a'"), ENDED))
    assert found.errors == ("KeyError: 'a'",)


def test_a_pulumi_that_was_killed_has_not_come_to_its_end() -> None:
    assert read_preview("{}", log(JUDGED)).errors == ("Pulumi was stopped before it ended",)


def test_a_pulumi_that_did_not_even_begin_is_told_in_its_own_words() -> None:
    assert read_preview("", "", "error: no stack named 'x' found\n").errors == (
        "error: no stack named 'x' found",
    )
