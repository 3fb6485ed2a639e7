"""What licences permit and where models may come from: the plan warns of it, the policy pack stops at it."""

from typing import Any, get_args

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner import plan_environment
from inference_stack.planner.rules import (
    LicenceUse,
    OriginFacts,
    licence_permits_production,
    origin_allowed,
)
from inference_stack.planner.rules.licence_terms import licence_terms
from inference_stack.planner.rules.origin_allowed import restrictions
from inference_stack.spec import Industry

LLAMA_4 = "meta-llama/Llama-4-Scout-17B-16E-Instruct"
QWEN, MISTRAL = "Qwen/Qwen3-8B", "mistralai/Mistral-7B-Instruct-v0.3"
DEEPSEEK = "deepseek-ai/DeepSeek-R1-0528"


def production(source: str, domicile: str | None = None, licence: str | None = None) -> str | None:
    finding = licence_permits_production(
        LicenceUse(source=source, licence=licence, domicile=domicile), CATALOG
    )
    return finding and finding.what


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("mistralai/Mistral-Large-Instruct-2411", "for research alone"),
        ("mistralai/Codestral-22B-v0.1", "not for production"),
        ("Qwen/Qwen2.5-3B-Instruct", "not for commercial use"),
        ("CohereLabs/aya-expanse-8b", "not for commercial use"),
        ("LGAI-EXAONE/EXAONE-4.0-32B", "not for commercial use"),
        ("tencent/Hunyuan-7B-Instruct", "whose terms nobody has read"),
    ],
)
def test_a_licence_for_research_alone_does_not_permit_production(source: str, why: str) -> None:
    assert why in (production(source, "US") or "")


@pytest.mark.parametrize("source", [QWEN, MISTRAL, DEEPSEEK, "meta-llama/Llama-3.3-70B-Instruct"])
def test_a_licence_that_permits_production_passes_everywhere(source: str) -> None:
    assert production(source) is None
    assert production(source, "DE") is None


@pytest.mark.parametrize(
    ("domicile", "why"),
    [("DE", "not granted to organisations in DE"), (None, "governance.domicile is not said"), ("US", None)],
)
def test_llama_4_is_not_granted_to_organisations_in_the_eu(domicile: str | None, why: str | None) -> None:
    told = production(LLAMA_4, domicile)
    assert told is None if why is None else why in (told or "")


def test_weights_of_ones_own_are_judged_by_the_licence_they_claim() -> None:
    mine = "abfss://weights@acme.dfs.core.windows.net/mine"
    assert production(mine, licence="apache-2.0") is None
    assert production(mine, licence="mrl") is not None
    assert production(mine) is None, "a licence that nobody knows is told by licence-allowed"


def test_every_licence_of_the_catalog_has_terms_but_those_that_are_no_one_licence() -> None:
    assert {model.licence for model in CATALOG.models.values()} - licence_terms().keys() <= {"other"}


def origins(source: str, industry: str | None, domicile: str | None) -> list[str]:
    facts = OriginFacts(source=source, industry=industry, domicile=domicile)
    return [finding.what for finding in origin_allowed(facts, CATALOG)]


@pytest.mark.parametrize(
    ("source", "industry", "domicile", "why"),
    [
        (DEEPSEEK, "public-sector", "AU", "PSPF Direction 001-2025"),
        (DEEPSEEK, "public-sector", "CZ", "public administration"),
        (DEEPSEEK, "defence", "US", "section 1532"),
        (QWEN, "defence", "US", "covered nations"),
        (QWEN, "public-sector", "SE", "our judgement"),
        (QWEN, "critical-infrastructure", None, "our judgement"),
        # Quantized by another publisher, or distilled into another model: the weights are DeepSeek's.
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "public-sector", "AU", "PSPF Direction 001-2025"),
    ],
)
def test_an_origin_that_is_barred_or_to_be_weighed_is_told(
    source: str, industry: str, domicile: str | None, why: str
) -> None:
    assert any(why in told for told in origins(source, industry, domicile))


@pytest.mark.parametrize(
    ("source", "industry", "domicile"),
    [
        (MISTRAL, "public-sector", "AU"),
        (DEEPSEEK, "finance", "AU"),
        (DEEPSEEK, None, "AU"),
        (QWEN, "defence", "SE"),
    ],
)
def test_an_origin_that_nobody_bars_passes(source: str, industry: str | None, domicile: str) -> None:
    assert origins(source, industry, domicile) == []


def test_restrictions_are_of_industries_that_an_environment_can_name_and_say_who_says_so() -> None:
    for each in restrictions():
        assert each.industry in get_args(Industry)
        assert each.publisher or each.origin
        assert each.source
        assert each.verified or not each.binding, f"{each.what}: nobody has confirmed what is said to bind"


def test_construction_warns_of_both(asked: dict[str, Any]) -> None:
    asked["models"][0]["source"] = "Qwen/Qwen2.5-3B-Instruct"
    asked["governance"] = {"licences": ["qwen-research"], "industry": "public-sector", "domicile": "SE"}
    found = plan_environment(asked, name="dev", file="dev").findings
    told = {(each.code, each.path) for each in found}
    wanted = {("licence-forbids-production", "models[0].source"), ("origin-restricted", "models[0].source")}
    assert wanted <= told


def test_construction_warns_of_neither_where_all_is_well(asked: dict[str, Any]) -> None:
    found = plan_environment(asked, name="dev", file="dev").findings
    assert not {each.code for each in found} & {"licence-forbids-production", "origin-restricted"}
