from typing import Any

import pytest

from inference_stack.planner import Plan
from inference_stack.planner.difference import difference
from inference_stack.spec import Finding, Severity
from pull_requests.changes import Change, Difference
from pull_requests.comment import compose
from pull_requests.comparison import Compared, Side
from pull_requests.picture import mermaid
from pull_requests.preview import Preview, Violation
from tests.report.plans import TINY, large, small

URN = "urn:pulumi:prod::inference-stack::azure-native:containerservice:AgentPool::byhand"
BROKEN = Violation("gpu-pool-reachable", "mandatory", URN, "A pool can be reached.\ntags = None: not told")
KNOWN = Violation("pods-unprivileged", "advisory", URN, "known | for long")
UPDATE = Change(
    "update", "azure-native:containerservice:AgentPool", "slices", (Difference("maxCount", 4, 3),)
)
REPLACE = Change("replace", "kubernetes:core/v1:Namespace", "inference")


def changed() -> tuple[Plan, Plan]:
    """The small plan, and one in which a model grows, one comes, and one goes with its pool."""
    old = small()
    copilot = old.models[0].model_copy(update={"replicas_max": 6})
    peak = old.price.peak.model_copy(update={"usd_per_hour": 31.76})
    new = old.model_copy(
        update={
            "pools": (old.pools[0], TINY),
            "models": (copilot, large().models[0]),
            "packing": tuple(node for node in old.packing if node.pool == old.pools[0].name),
            "price": old.price.model_copy(update={"peak": peak}),
        }
    )
    return old, new


def preview(*violations: Violation, errors: tuple[str, ...] = ()) -> Preview:
    return Preview((), violations, frozenset({"a", "b"}), errors)


def compared(old: Plan | None, new: Plan | None, **given: Any) -> Compared:
    base = Side(old, preview=given.get("was", preview())) if old else None
    here = Side(new, preview=given.get("now", preview())) if new else None
    return Compared("prod", base, here, given.get("changes", ()))


def told(*each: Compared) -> str:
    return compose(each, "main", "offline")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_nothing_touched_is_told_in_a_line() -> None:
    assert told() == "### Nothing here touches an environment\n"


def test_the_overview_has_resources_price_and_policies_of_each_environment() -> None:
    old, new = changed()
    text = told(compared(old, new, now=preview(BROKEN), changes=(UPDATE, REPLACE)))
    assert "| **prod** | 1 to update, 1 to replace | 84.68 → **31.76** | 🛑 1 mandatory |" in text


def test_where_nothing_changes_that_is_said() -> None:
    text = told(compared(small(), small()))
    assert "| **prod** | no changes | 84.68 | ✅ 2 rules kept |" in text
    assert "The plan stays as it is." in text
    assert "mermaid" not in text


def test_resources_are_told_with_what_differs_and_what_may_hurt_comes_first() -> None:
    text = told(compared(small(), small(), changes=(UPDATE, REPLACE)))
    replaced, updated = (
        text.index(sign) for sign in ("| ± **replace** | **inference**", "| ~ update | **slices**")
    )
    assert replaced < updated
    assert "`maxCount` `4` → `3`" in text


def test_figures_of_the_plan_are_told_from_and_to() -> None:
    text = told(compared(*changed()))
    assert "| GPUs, at most | 10 → **6** |" in text
    assert "| slices, at most | 8 → **22** |" in text
    assert "| USD/h peak | 84.68 → **31.76** |" in text
    assert any(row.startswith("| **copilot**") and "0–3 → **0–6**" in row for row in rows(text))
    assert any(row.startswith("| + **tagger-0**") for row in rows(text))
    assert any(row.startswith("| - **assistant**") for row in rows(text))


def test_a_violation_that_the_base_has_already_comes_after_a_new_one() -> None:
    text = told(compared(small(), small(), was=preview(KNOWN), now=preview(KNOWN, BROKEN)))
    new, known = (next(row for row in rows(text) if each.policy in row) for each in (BROKEN, KNOWN))
    assert "mandatory **new**" in new
    assert "advisory |" in known
    assert rows(text).index(new) < rows(text).index(known)
    assert "A pool can be reached.<br>tags = None: not told" in new
    assert "known \\| for long" in known
    assert text.index("1 more that policies say and that forbid nothing") < text.index(known)


def test_a_mandatory_violation_is_never_folded_away() -> None:
    text = told(compared(small(), small(), was=preview(BROKEN), now=preview(BROKEN)))
    assert "**Policies**\n\n|" in text
    assert "mandatory |" in text
    assert "forbid nothing" not in text


def test_what_forbids_a_plan_stands_in_its_place() -> None:
    fault = Finding(
        code="pool-too-small", severity=Severity.ERROR, path="pools[1].nodes.max", what="is less", line=51
    )
    text = told(Compared("prod", Side(small(), preview=preview()), Side(None, (fault,)), None))
    assert "🛑 cannot be made" in text
    assert "`pool-too-small` **pools\\[1\\].nodes.max (line 51)** is less" in text
    assert "What changes of the resources is not known" in text


def test_an_error_of_pulumi_is_told_by_its_last_lines_and_cannot_end_its_block() -> None:
    error = "\n".join([*(f"line {number}" for number in range(40)), "```", "KeyError: 'a'"])
    text = told(compared(small(), small(), now=preview(errors=(error,)), changes=None))
    assert "**🛑 here could not be previewed to its end**" in text
    assert "'''\nKeyError: 'a'\n```" in text
    assert "line 1\n" not in text


def test_an_environment_that_is_new_is_told_alone() -> None:
    text = told(compared(None, small()))
    assert "| GPUs, at most | 10 |" in text
    assert "→ **" not in text


def test_an_environment_that_is_removed_says_what_stays() -> None:
    text = told(compared(small(), None, changes=(Change("delete", "t", "slices"),)))
    assert "| **prod** | 1 to delete | 84.68 | removed |" in text
    assert "What was made of it stays until `pulumi destroy`." in text


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (preview(), False),
        (preview(KNOWN), False),
        (preview(BROKEN), True),
        (preview(errors=("error",)), True),
    ],
)
def test_only_what_cannot_be_made_or_a_mandatory_policy_forbids_is_refused(
    now: Preview, *, refused: bool
) -> None:
    assert compared(small(), small(), now=now).refused is refused


def test_names_from_the_file_mean_nothing_but_themselves() -> None:
    name = "| @all <img> **b**"
    model = small().models[0].model_copy(update={"name": name})
    text = told(compared(small(), small().model_copy(update={"models": (model,), "packing": ()})))
    assert "\\| \\@all \\<img\\> \\*\\*b\\*\\*" in text
    assert f"| {name}" not in text


def test_the_picture_shows_what_comes_goes_and_changes() -> None:
    old, new = changed()
    lines = mermaid(old, new, difference(old, new)).splitlines()
    assert lines[0] == "flowchart LR"
    assert any(line.endswith(":::changed") and "~ A copilot<br/>" in line for line in lines)
    assert any(line.endswith(":::added") and "+ B tagger-0<br/>" in line for line in lines)
    assert any(line.endswith(":::removed") and "- B assistant<br/>" in line for line in lines)
    assert any(line.endswith(":::removed") and "- large: 2 of 3 nodes<br/>" in line for line in lines)
    assert any("[AA]  [A·]" in line for line in lines)


def test_the_picture_of_two_equal_plans_marks_nothing() -> None:
    text = mermaid(large(), large(), difference(large(), large()))
    assert ":::" not in text
    assert "classDef" not in text
    assert text.count("-->") >= len(large().models)


def test_a_label_of_the_picture_cannot_end_itself() -> None:
    model = small().models[0].model_copy(update={"name": 'a"]; click p0 "https://example.com"'})
    plan = small().model_copy(update={"models": (model,), "packing": ()})
    text = mermaid(plan, plan, difference(plan, plan))
    assert 'a"]' not in text
    assert "a#quot;]" in text
