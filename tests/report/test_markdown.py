import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from inference_stack.planner import Plan
from inference_stack.report import markdown, markdown_faults
from inference_stack.report.markdown import plain
from inference_stack.spec import InvalidEnvironment, Severity
from tests.report.plans import WARNING, large, small


def parsed(told: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(told)


def tables(told: str) -> list[list[list[str]]]:
    """Rows of cells, as a reader of GitHub-flavoured Markdown sees them."""
    found: list[list[list[str]]] = []
    for token in parsed(told):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level and found[-1] and token.map is None:
            found[-1][-1].append(token.content)
        elif token.type in {"th_open", "td_open"}:
            found[-1][-1].append("")
        elif token.type == "inline" and token.level >= 4:
            found[-1][-1][-1] = token.content
    return found


@pytest.mark.parametrize("plan", [small(), large()], ids=lambda plan: plan.name)
def test_every_row_has_as_many_cells_as_its_table_and_every_table_is_one(plan: Plan) -> None:
    told = markdown(plan)
    found = tables(told)
    assert len(found) == 2 + len(plan.models)
    for table in found:
        assert len({len(row) for row in table}) == 1
    assert len(found[0]) == 1 + len(plan.models)
    assert len(found[1]) == 1 + len(plan.pools)


def test_what_a_reader_would_take_for_markup_is_escaped() -> None:
    tricky = "a | b `c` *d* _e_ <script> #12 @you [x](y) $1$ \\ end\nnext"
    rendered = MarkdownIt("commonmark").enable("table").parse(f"| x |\n|---|\n| {plain(tricky)} |")
    inline = next(token for token in rendered if token.type == "inline" and "end" in token.content)
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}
    assert "".join(child.content for child in inline.children or []) == " ".join(tricky.split())


def test_a_finding_with_a_pipe_stays_one_finding() -> None:
    told = next(line for line in markdown(small()).splitlines() if WARNING.code in line)
    assert "wait \\| queue" in told
    assert told.startswith("- `concurrency-exceeds-memory` **models\\[0\\].concurrency (line 44) = 40**")
    assert told.endswith("<br>do: lower it, or take engine.kv\\_cache\\_dtype: fp8")


def test_the_summary_comes_first_and_details_are_folded() -> None:
    told = markdown(small())
    assert told.index("### prod in swedencentral") < told.index("| **A** |") < told.index("<details>")
    assert told.count("<details>") == told.count("</details>") == 4
    assert re.findall(r"<summary>(.*?)</summary>", told) == ["📝 1 note", "quota", "A copilot", "B assistant"]
    assert told.index("⚠️ 1 warning") < told.index("<details>")


def test_a_model_in_short_says_what_the_screen_says() -> None:
    row = next(line for line in markdown(small()).splitlines() if line.startswith("| **B**"))
    for part in ("2 × H100-NVL-94GB", "790 of 800 ≈", "47 of 40 ✗", "**31 %** ⚠️", "1.40 · 5.20", "7 min"):
        assert part in row


def test_where_prompts_are_read_is_told_under_where_answers_are_written() -> None:
    row = next(line for line in markdown(large()).splitlines() if line.startswith("| **T**"))
    assert "4 × H200-SXM-141GB<br>bf16 TP4 × 0–1<br>prefill TP4 × 0–1" in row


def test_an_environment_of_devices_only_has_no_empty_tables() -> None:
    told = markdown(large().model_copy(update={"pools": (), "models": (), "packing": ()}))
    assert tables(told) == []
    assert "- on devices: kiosk" in told


def test_the_same_plan_is_the_same_text() -> None:
    assert markdown(large()) == markdown(large())
    assert markdown(large()).endswith("\n")


@pytest.mark.parametrize("longest", [12_000, 20_000, 65_536])
def test_details_give_way_where_a_comment_cannot_hold_them_and_it_is_said(longest: int) -> None:
    told = markdown(large(), longest)
    assert len(told) <= longest
    told_of = sum(f"<summary>{key} " in told for key in "ABCDEFGHIJKLMNOPQRST")
    if told_of == 20:
        assert "Details of" not in told
    else:
        assert told.endswith(f"Details of {20 - told_of} more models: `inference-stack plan --details`\n")
    assert told_of > 0
    assert len(tables(told)) == 2 + told_of


def test_what_forbids_a_plan_is_told_with_every_fault() -> None:
    wrong = InvalidEnvironment(
        "Pulumi.prod.yaml", [WARNING.model_copy(update={"severity": Severity.ERROR})] * 2
    )
    told = markdown_faults(wrong)
    assert told.startswith("### Pulumi.prod.yaml: 2 errors, nothing was created\n")
    assert told.count("- `concurrency-exceeds-memory`") == 2
