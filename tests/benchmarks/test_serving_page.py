"""The page has a place for every measurement, and says of each what was measured."""

import json
from dataclasses import asdict

import pytest
from matplotlib import pyplot as plt

from benchmarks.pictures import between
from benchmarks.serving import MEASUREMENTS, STAGES
from benchmarks.serving_figures import Figure, Result
from benchmarks.serving_latency import MEASURED, QUANTILES
from benchmarks.serving_page import PAGE, RESULTS, lines, pictures

TWICE = Figure.of_pairs("tokens", [2, 4, 8], [1, 2, 4])


def _result(name: str, figures: int) -> Result:
    return Result(name, name, [TWICE] * figures, 1.0)


def test_every_measurement_has_a_place_in_the_page_and_a_stage() -> None:
    page = PAGE.read_text()
    for name in MEASUREMENTS:
        assert between(page, name, ["x"]).count("\nx\n") == 1
    assert {name for stage in STAGES for name in stage} == {*MEASUREMENTS}


def test_a_measurement_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        between(PAGE.read_text(), "other", [])


def test_what_was_printed_is_read_again_and_told_with_its_range() -> None:
    result = _result("batching", 1)
    (read,) = RESULTS.validate_json(json.dumps([asdict(result)]))
    assert lines(read) == lines(result)
    assert lines(read)[-1] == "| tokens | 4 | 2 | 2.000 | 2.000 – 2.000 | least and most of 3 |"


def test_only_what_was_measured_is_drawn() -> None:
    drawn = pictures({"batching": _result("batching", 2)})
    everything = pictures(
        {
            "batching": _result("batching", 2),
            "chunked-prefill": _result("chunked-prefill", 3),
            "latency": _result("latency", 2 * len(MEASURED) * len(QUANTILES)),
        }
    )
    plt.close("all")
    assert set(drawn) == {"serving_effects"}
    assert set(everything) == {"serving_effects", "serving_gaps", "serving_latency"}
