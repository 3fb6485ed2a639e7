import pytest

from inference_stack.catalog import CATALOG, Workload

WORKLOADS = list(CATALOG.workloads.values())


def test_the_classes_of_the_mission_are_there() -> None:
    assert list(CATALOG.workloads) == [
        *("internal-copilot", "customer-facing", "frontier", "code", "multilingual", "edge")
    ]


@pytest.mark.parametrize("row", WORKLOADS, ids=lambda row: row.name)
def test_candidates_are_models_of_the_catalog_from_the_smallest_up(row: Workload) -> None:
    sizes = [CATALOG.models[each.model].params_b or 0 for each in row.candidates]
    assert len(sizes) >= 8
    assert sizes == sorted(sizes)
    assert all(sizes)


@pytest.mark.parametrize("row", WORKLOADS, ids=lambda row: row.name)
def test_no_candidate_has_a_licence_that_forbids_the_use(row: Workload) -> None:
    assert all(CATALOG.models[each.model].licence in row.licences for each in row.candidates)
    assert not {"cc-by-nc-4.0", "mrl", "mnpl", "qwen-research", "exaone", "other"} & set(row.licences)


@pytest.mark.parametrize("row", WORKLOADS, ids=lambda row: row.name)
def test_a_typical_request_fits_the_context_of_each_candidate(row: Workload) -> None:
    for each in row.candidates:
        assert row.prompt_tokens + row.output_tokens <= CATALOG.models[each.model].max_context


@pytest.mark.parametrize("row", WORKLOADS, ids=lambda row: row.name)
def test_what_is_our_judgement_says_so(row: Workload) -> None:
    assert {"ttft_ms", "tpot_ms", "licences", "candidates"} <= set(row.ours)
    assert "our judgement" in row.source


def test_edge_candidates_name_what_to_ship_and_the_others_do_not() -> None:
    for row in WORKLOADS:
        assert all((each.format is not None) == (row.name == "edge") for each in row.candidates)
