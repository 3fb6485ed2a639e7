"""docs/policies.md and levels.yaml say what the rules say."""

from policies.levels import table
from policies.reference import PAGE, written
from policies.rule import Area, every_rule


def test_the_page_is_as_make_reference_writes_it() -> None:
    assert PAGE.read_text() == written()


def test_levels_are_set_for_rules_and_areas_that_there_are() -> None:
    known = {*Area, *(rule.name for rule in every_rule())}
    assert {name for levels in table().values() for name in levels} <= known


def test_every_rule_says_what_it_wants_and_why_and_what_to_do() -> None:
    for rule in every_rule():
        assert rule.demand.endswith("."), rule.name
        assert rule.why.endswith("."), rule.name
        assert rule.remedy, rule.name
        assert rule.on, rule.name


def test_every_rule_of_security_answers_to_a_benchmark() -> None:
    for rule in every_rule():
        named = any(each.startswith(("CIS AKS", "MCSB")) for each in rule.references)
        assert named or rule.area is not Area.SECURITY, rule.name
