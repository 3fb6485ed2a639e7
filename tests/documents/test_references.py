"""What README and docs/ point at is there: links, their headings, and files that are named."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.following import PROJECT, WRITE

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([\w./-]+)`")
ROOMS = ("benchmarks", "components", "docs", "inference_stack", "localcloud", "policies", "pull_requests")
ROOMS += ("recovery", "serving", "tests", ".github")


def missing(page: Path, text: str) -> Iterator[str]:
    """What a page of this text points at and is not there."""
    for link in LINK.findall(re.sub("`[^`\n]*`", "", FENCE.sub("", text))):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, heading = link.partition("#")
        file = page.parent / target if target else page
        if not file.exists() or (heading and heading not in headings(file.read_text())):
            yield link
    for name in set(CODE.findall(FENCE.sub("", text))) - {found["file"] for found in WRITE.finditer(text)}:
        if name.startswith(tuple(f"{room}/" for room in ROOMS)) and not (PROJECT / name).exists():
            yield name


def headings(text: str) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_what_a_page_points_at_is_there(page: Path) -> None:
    assert list(missing(page, page.read_text())) == []


def test_what_is_not_there_is_told() -> None:
    text = "[a](docs/none.md) [b](docs/concepts.md#nothing) [c](docs/concepts.md#concepts) `policies/no.py`"
    assert sorted(missing(PROJECT / "README.md", text)) == [
        "docs/concepts.md#nothing",
        "docs/none.md",
        "policies/no.py",
    ]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, open_ = set[Path](), [PROJECT / "README.md"]
    while open_:
        page = open_.pop()
        reached.add(page)
        links = (page.parent / link.partition("#")[0] for link in LINK.findall(page.read_text()))
        found = {link.resolve() for link in links if link.suffix == ".md" and link.is_file()}
        open_ += found - reached
    assert set(PAGES) - reached == set()
