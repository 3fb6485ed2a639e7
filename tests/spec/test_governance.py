"""Waivers name rule, scope, owner, evidence and a day."""

from datetime import date
from typing import Any

import pytest

from inference_stack.spec import Waiver, parse

WHOLE = {
    "rule": "storage-closed",
    "scope": "weights*",
    "owner": "platform",
    "evidence": "Private endpoints come next month.",
    "expires": "2027-03-31",
}


def faults(asked: dict[str, Any], **waiver: object) -> list[tuple[str, str]]:
    asked["governance"] = {"waivers": [{key: value for key, value in (WHOLE | waiver).items() if value}]}
    return [(finding.path, finding.code) for finding in parse(asked).findings]


def test_a_whole_waiver_is_read(asked: dict[str, Any]) -> None:
    assert faults(asked) == []
    (waiver,) = parse(asked).environment.governance.waivers
    assert waiver.expires == date(2027, 3, 31)


def test_a_day_that_yaml_has_read_as_one_is_a_day(asked: dict[str, Any]) -> None:
    assert faults(asked, expires=date(2027, 3, 31)) == []


@pytest.mark.parametrize("key", WHOLE)
def test_a_waiver_without_one_of_its_parts_is_none(key: str, asked: dict[str, Any]) -> None:
    assert faults(asked, **{key: None}) == [(f"governance.waivers[0].{key}", "missing-key")]


@pytest.mark.parametrize(
    ("key", "given", "code"),
    [
        ("expires", "2027-02-30", "wrong-form"),
        ("expires", "next year", "wrong-form"),
        ("rule", "Storage closed", "wrong-form"),
        ("evidence", "ok", "out-of-range"),
    ],
)
def test_a_part_in_the_wrong_form_is_told(key: str, given: str, code: str, asked: dict[str, Any]) -> None:
    assert faults(asked, **{key: given}) == [(f"governance.waivers[0].{key}", code)]


def test_a_waiver_covers_its_rule_where_its_scope_is_until_its_last_day_is_over() -> None:
    waiver = Waiver.model_validate(WHOLE)
    assert waiver.covers("storage-closed", "weights-eu")
    assert not waiver.covers("storage-closed", "logs")
    assert not waiver.covers("vault-closed", "weights-eu")
    assert not waiver.is_over(date(2027, 3, 31))
    assert waiver.is_over(date(2027, 4, 1))
