import pytest

from benchmarks.preview_deciding import Decided, decided, power


@pytest.mark.parametrize("expected", [1, 2])
def test_the_power_is_that_with_which_the_time_grows(expected: int) -> None:
    assert power([Decided(models, 0.007 * models**expected) for models in (25, 50, 100)]) == pytest.approx(
        expected
    )


def test_a_whole_decision_is_taken_for_each_size() -> None:
    taken = decided(1, sizes=(1, 2))
    assert [each.models for each in taken] == [1, 2]
    assert all(each.ms_per_model > 0 for each in taken)
