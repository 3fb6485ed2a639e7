import pytest

from inference_stack.report.figures import bounds, counted, duration, number, percent, usd


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0312, "0.03"), (0.5, "0.5"), (3, "3"), (9.96, "9.96"), (27.6, "27.6"), (54.0, "54"), (310.4, "310")],
)
def test_a_figure_has_the_digits_that_count(value: float, told: str) -> None:
    assert number(value) == told
    assert number(1066.2) == "1,066"


def test_an_amount_has_cents_where_cents_count() -> None:
    assert (usd(6.98), usd(1234.5), usd(0), usd(None)) == ("6.98", "1,234", "0.00", "unknown")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [((90,), "90 s"), ((119.6,), "120 s"), ((480,), "8 min"), ((30, 120), "30 s–2 min"), ((6, 24), "6–24 s"),
     ((300, 660), "5–11 min")],
)  # fmt: skip
def test_a_wait_is_told_in_the_unit_in_which_people_wait(seconds: tuple[float, ...], told: str) -> None:
    assert duration(*seconds) == told


def test_few_are_told_apart_from_many() -> None:
    assert (counted(1, "note"), counted(2, "note"), counted(0, "note")) == ("1 note", "2 notes", "0 notes")
    assert (bounds(2, 2), bounds(0, 4), percent(0.625)) == ("2", "0–4", "62 %")
