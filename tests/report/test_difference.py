from rich.console import Console

from inference_stack.planner import Plan
from inference_stack.planner.difference import Difference, difference
from inference_stack.report import markdown_difference, render_difference
from inference_stack.report.terminal import WIDTH
from tests.report.plans import NOTE, WARNING, large, small
from tests.report.test_markdown import tables


def changed() -> tuple[Plan, Plan]:
    """The small plan, and one in which a model grows, another goes with its pool, and a warning comes."""
    old = small().model_copy(update={"findings": (NOTE,)})
    copilot = old.models[0].model_copy(update={"replicas_max": 6})
    peak = old.price.peak.model_copy(update={"usd_per_hour": 31.76})
    new = old.model_copy(
        update={
            "pools": old.pools[:1],
            "models": (copilot, large().models[0]),
            "price": old.price.model_copy(update={"peak": peak}),
            "findings": (NOTE, WARNING),
        }
    )
    return old, new


def shown(found: Difference) -> list[str]:
    console = Console(width=WIDTH, color_system=None)
    with console.capture() as capture:
        console.print(render_difference(found, "old.json"))
    assert max(map(len, capture.get().splitlines())) <= WIDTH
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_what_changes_is_told_by_what_it_is_about() -> None:
    told = shown(difference(*changed()))
    headings = [line for line in told if line in {"USD an hour", "pools", "models", "quota", "findings"}]
    assert headings == ["USD an hour", "pools", "models", "findings"]
    assert told[0] == "against old.json"
    assert "~ peak 84.68 → 31.76 (-52.92)" in told
    assert "~ copilot replicas_max 3 → 6" in told
    assert any(line.startswith("- large") for line in told)
    assert any(line.startswith("+ tagger-0") for line in told)
    assert any(line.startswith("+ warning concurrency-exceeds-memory") for line in told)


def test_what_stays_is_not_told() -> None:
    told = "\n".join(shown(difference(*changed())))
    assert "price-unverified" not in told
    assert "slices" not in told.split("models")[0]


def test_a_difference_the_other_way_round_has_the_other_sign() -> None:
    old, new = changed()
    told = shown(difference(new, old))
    assert "~ peak 31.76 → 84.68 (+52.92)" in told
    assert any(line.startswith("- warning concurrency-exceeds-memory") for line in told)


def test_no_difference_says_so() -> None:
    assert shown(difference(small(), small())) == ["against old.json", "Nothing changes."]
    assert markdown_difference(difference(small(), small()), "old.json").endswith("Nothing changes.\n")


def test_markdown_has_a_table_for_each_part_with_nothing_that_reads_as_markup() -> None:
    told = markdown_difference(difference(*changed()), "old.json")
    found = tables(told)
    assert [table[0][1] for table in found] == ["USD an hour", "pools", "models", "findings"]
    assert all(len(row) == 3 for table in found for row in table)
    assert "| ~ | **copilot** | replicas\\_max 3 → 6<br>" in told
