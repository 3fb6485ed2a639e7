"""docs/extending/: each page followed word for word in a copy of the repository, by which it is true."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents.following import PROJECT, NotFollowedError, blocks, copied, follow

PAGES = {page.stem: page.read_text() for page in (PROJECT / "docs" / "extending").glob("*.md")}


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(page: str) -> str:
        assert old in page
        return page.replace(old, new)

    return change


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true_word_for_word(page: str, tmp_path: Path) -> None:
    assert follow(PAGES[page], copied(tmp_path)) >= len(list(blocks(PAGES[page]))) > 1


@pytest.mark.parametrize(
    ("page", "change", "told"),
    [
        ("model", replaced("bf16,apache-2.0", "bf17,apache-2.0"), "quantization 'bf17' is neither"),
        ("model", replaced("--search acme", "--serch acme"), "No such option"),
        ("model", replaced("2.9 bf16", "3.9 bf16"), "the page shows"),
        ("sku", replaced("`inference_stack/catalog/data/gpu_skus.csv`:", "`gpu_skus.csv`:"), "is not there"),
        (
            "rule",
            replaced("Below the line `# money`", "Below the line `# profit`"),
            "has the line # profit 0 times",
        ),
        ("rule", replaced("Write `policies", "In `policies"), "goes"),
    ],
)
def test_a_page_that_says_something_wrong_is_found_out(
    page: str, change: Callable[[str], str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(NotFollowedError, match=told):
        follow(change(PAGES[page]), copied(tmp_path))
