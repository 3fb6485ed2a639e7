"""Every rule on an engine's values: a set that breaks it, and one that just keeps it."""

import pytest

from inference_stack.catalog.data_files import objects
from inference_stack.engine.arguments import engine_version
from inference_stack.engine.rules import EngineUse, engine_rules

from . import (
    cases_cards,
    cases_features,
    cases_launch,
    cases_lengths,
    cases_models,
    cases_parallelism,
    cases_types,
)
from .engine_case import H100, Case

CASES = (
    *cases_types.CASES,
    *cases_lengths.CASES,
    *cases_parallelism.CASES,
    *cases_launch.CASES,
    *cases_models.CASES,
    *cases_features.CASES,
    *cases_cards.CASES,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {next(iter(case.breaks))}")
def test_a_rule_finds_what_breaks_it_and_nothing_where_it_is_kept(case: Case) -> None:
    case.holds()


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {case.code for case in CASES} == {rule.code for rule in engine_rules}


def test_codes_are_unique_and_what_rules_say_is_whole() -> None:
    codes = [rule.code for rule in engine_rules]
    assert len(codes) == len(set(codes))
    for rule in engine_rules:
        assert rule.states.endswith("."), rule.code
        assert ":" in rule.reference, rule.code


def test_an_engine_of_which_only_the_model_is_named_breaks_nothing() -> None:
    use = EngineUse(engine_version("0.29.0"), {"model": "meta-llama/Llama-3.1-8B-Instruct"})
    assert not [finding for rule in engine_rules for finding in rule.findings(use)]


@pytest.mark.parametrize("name", sorted(objects("configs")))
def test_a_model_of_the_catalog_with_defaults_breaks_nothing(name: str) -> None:
    use = EngineUse(engine_version("0.29.0"), {}, objects("configs")[name], H100)
    assert not [finding for rule in engine_rules for finding in rule.findings(use)]
