"""Levels by environment, and waivers: what comes of a violation."""

from datetime import date
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.deserialize import SPECIAL_SIG_KEY, serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from pulumi_policy.secret import Secret, secrets_preserving_proxy

from inference_stack.spec import InvalidEnvironment
from policies.context import Context
from policies.levels import level_of
from policies.pack import policies
from policies.rule import Level, every_rule
from tests.policies.cases.sound import ENVIRONMENT, SOUND, merged, namespace, pool, storage
from tests.policies.holding import held

RULES = {rule.name: rule for rule in every_rule()}
OPEN = storage("badopen", publicNetworkAccess="Enabled")
WAIVER = {
    "rule": "storage-closed",
    "scope": "bad*",
    "owner": "platform",
    "evidence": "Private endpoints come next month.",
    "expires": "2027-03-31",
}
TODAY = date(2027, 3, 31)


def context(*waivers: dict[str, str], stack: str = "test", today: date = TODAY) -> Context:
    asked = merged(ENVIRONMENT, {"governance/waivers": list(waivers)})
    return Context(stack=stack, asked=asked, today=today)


def test_security_is_advice_in_dev_and_stops_prod_and_whatever_is_not_listed() -> None:
    levels = {name: level_of(RULES["storage-closed"], name) for name in ("dev", "prod", "somebody-elses")}
    assert levels == {"dev": Level.ADVISORY, "prod": Level.MANDATORY, "somebody-elses": Level.MANDATORY}
    found = held([OPEN], context(stack="dev"))
    assert found.by("storage-closed") == ["badopen"]
    assert "storage-closed" not in found.mandatory


def test_gpu_pools_scale_to_zero_in_dev_alone() -> None:
    kept = pool("kept", minCount=1, **{"tags/inference-stack-idle-reason": "Nobody waits."})
    fixed = pool("fixed", enableAutoScaling=False)
    rule = "gpu-pools-scale-to-zero"
    assert held([*SOUND, kept, fixed], context(stack="dev"), only=rule).by(rule) == ["kept", "fixed"]
    assert held(SOUND, context(stack="dev"), only=rule).broken == {}
    assert held([kept, fixed], context(stack="prod"), only=rule).broken == {}


def test_a_waiver_lets_pass_what_it_names_until_its_day_and_is_told() -> None:
    found = held([OPEN], context(WAIVER))
    stopped = held([OPEN], context()).mandatory
    assert "storage-closed" in stopped
    assert found.mandatory == stopped - {"storage-closed"}
    ((_, told),) = found.broken["waivers-are-told"]
    assert "storage-closed is broken by badopen until 2027-03-31; platform answers for it" in told


@pytest.mark.parametrize("change", [{"scope": "other"}, {"rule": "registry-closed"}])
def test_a_waiver_lets_nothing_else_pass_and_is_told_to_be_of_no_use(change: dict[str, str]) -> None:
    found = held([OPEN], context(WAIVER | change))
    assert found.by("storage-closed") == ["badopen"]
    ((_, told),) = found.broken["waivers-are-told"]
    assert "nothing there breaks it" in told


def test_a_waiver_that_has_run_out_fails_and_so_does_what_it_let_pass() -> None:
    found = held([OPEN], context(WAIVER, today=date(2027, 4, 1)))
    assert {"storage-closed", "waivers-are-current"} <= found.mandatory
    ((_, told),) = found.broken["waivers-are-current"]
    assert "governance.waivers[0].expires = 2027-03-31: has passed" in told


def test_a_waiver_of_no_rule_fails() -> None:
    found = held([], context(WAIVER | {"rule": "no-such-rule"}))
    assert found.mandatory == {"waivers-are-current"}


def test_a_waiver_of_the_rules_on_waivers_is_of_no_use() -> None:
    gone = WAIVER | {"expires": "2020-01-01"}
    found = held([], context(gone, WAIVER | {"rule": "waivers-are-current", "scope": "*"}))
    assert "waivers-are-current" in found.mandatory


def test_a_stack_that_is_no_environment_says_for_itself_what_governs_it() -> None:
    governed = Context(stack="test", own_governance={"waivers": [WAIVER]}, today=TODAY)
    assert "storage-closed" not in held([OPEN], governed).broken
    with pytest.raises(InvalidEnvironment, match=r"waivers\[0\].expires"):
        held([OPEN], Context(own_governance={"waivers": [WAIVER | {"expires": "soon"}]}))


def test_what_is_not_known_yet_is_told_and_what_is_known_beside_it_is_judged() -> None:
    unknown = storage("badopen", publicNetworkAccess="Enabled", minimumTlsVersion=UNKNOWN_STRING_VALUE)
    found = held([unknown], context(), only="storage-closed")
    assert found.by("storage-closed") == ["badopen"]
    (told,) = found.not_checked["storage-closed"]
    assert "not checked yet: minimumTlsVersion is known after the update alone" in told


def test_a_rule_on_the_whole_stack_judges_the_others_where_one_is_not_known() -> None:
    first, second = pool("unknown", vmSize=UNKNOWN_STRING_VALUE), pool("fixed", enableAutoScaling=False)
    found = held([first, second], context(stack="dev"), only="gpu-pools-scale-to-zero")
    assert found.by("gpu-pools-scale-to-zero") == ["fixed"]
    assert len(found.not_checked["gpu-pools-scale-to-zero"]) == 1


def test_the_whole_is_judged_by_what_was_asked_though_no_provider_has_made_anything_of_it() -> None:
    found = held(SOUND, context(), nothing_made=True)
    assert found.broken == {}
    bad = namespace("bad")
    assert held([*SOUND, bad], context(), nothing_made=True).by("namespaces-deny-by-default") == ["bad"]


def mended(tags: dict[str, Any] | None, stack: str = "dev", **props: Any) -> Any:
    """What the engine is sent back for a resource with these tags; None where it is left as it is."""
    (policy,) = (each for each in policies(context(stack=stack)) if each.name == "required-tags")
    assert isinstance(policy, ResourceValidationPolicy)
    assert (policy.enforcement_level is EnforcementLevel.REMEDIATE) == (stack == "dev")
    made = storage("untagged", tags=tags, **props)
    nothing: Any = None
    given: Any = unknown_checking_proxy(secrets_preserving_proxy(dict(made.props)))
    args = ResourceValidationArgs(made.type, given, made.urn, made.name, nothing, None)
    found: Any = policy.remediate(args)
    return found and serialize_properties(found)


def test_tags_of_the_environment_are_added_and_those_given_are_kept() -> None:
    assert mended({"owner": "data"})["tags"] == {"owner": "data", "environment": "test"}
    assert mended(None)["tags"] == {"owner": "platform", "environment": "test"}
    assert mended(None)["kind"] == "StorageV2"


def test_a_secret_stays_secret_and_what_is_not_known_stays_unknown() -> None:
    found = mended({"owner": Secret("data")}, resourceGroupName=UNKNOWN_STRING_VALUE)
    assert found["resourceGroupName"] == UNKNOWN_STRING_VALUE
    assert found["tags"]["owner"]["value"] == "data"
    assert SPECIAL_SIG_KEY in found["tags"]["owner"]


@pytest.mark.parametrize(
    "tags", [{"owner": "data", "environment": "dev"}, UNKNOWN_STRING_VALUE], ids=["nothing wrong", "unknown"]
)
def test_nothing_is_mended_where_nothing_is_wrong_or_nobody_knows(tags: Any) -> None:
    assert mended(tags) is None
