import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pull_requests import posting
from pull_requests.posting import LONGEST, MARKER, GitHub, RefusedError, comment, cut
from tests.pull_requests.github import BOT, REPOSITORY, TOKEN, FakeGitHub, served


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with served(FakeGitHub()) as fake:
        yield fake


def client(fake: FakeGitHub, token: str = TOKEN, repository: str = REPOSITORY) -> GitHub:
    return GitHub(repository, token, fake.api)


def posted(fake: FakeGitHub, file: Path, *more: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    own = {"GITHUB_API_URL": fake.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": token}
    command = [sys.executable, "-I", posting.__file__, str(file), "--head", "contoso:feature", *more]
    return subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)


def test_the_first_time_a_comment_is_written_and_later_the_same_one_holds_another_text(
    github: FakeGitHub, tmp_path: Path
) -> None:
    file = tmp_path / "comment.md"
    for text in ("first", "second"):
        file.write_text(text)
        run = posted(github, file, "--commit", "c0ffee", "--about", f"run of {text}")
        assert run.stdout == f"https://github.com/{REPOSITORY}/pull/7#issuecomment-1\n", run.stderr
    assert [one["body"] for one in github.comments] == [f"{MARKER}\nrun of second\n\nsecond"]


def test_our_comment_is_found_among_more_than_a_page_of_others(github: FakeGitHub) -> None:
    for number in range(101):
        github.say(f"remark {number}", "someone")
    github.say(f"{MARKER}\nours")
    client(github).put_comment(7, f"{MARKER}\nanew", BOT)
    assert len(github.comments) == 102
    assert github.comments[-1]["body"] == f"{MARKER}\nanew"


def test_a_comment_of_somebody_else_that_looks_like_ours_stays_as_it_is(github: FakeGitHub) -> None:
    github.say(f"{MARKER}\nnot ours", "someone")
    client(github).put_comment(7, f"{MARKER}\nours", BOT)
    assert [one["body"] for one in github.comments] == [f"{MARKER}\nnot ours", f"{MARKER}\nours"]


def test_nothing_is_told_where_the_pull_request_proposes_another_commit_by_now(
    github: FakeGitHub, tmp_path: Path
) -> None:
    file = tmp_path / "comment.md"
    file.write_text("old news")
    run = posted(github, file, "--commit", "0ddba11")
    assert run.returncode == 0
    assert "No open pull request from contoso:feature proposes 0ddba11" in run.stdout
    assert not github.comments


def test_a_token_that_is_not_taken_is_an_error_in_githubs_words(github: FakeGitHub, tmp_path: Path) -> None:
    file = tmp_path / "comment.md"
    file.write_text("text")
    run = posted(github, file, "--commit", "c0ffee", token="of-somebody")  # noqa: S106
    assert run.returncode == 1
    assert "GitHub answered 401" in run.stderr
    assert "Bad credentials" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_repository_that_is_not_there_is_an_error(github: FakeGitHub) -> None:
    with pytest.raises(RefusedError, match="404"):
        client(github, repository="contoso/other").put_comment(7, "text", BOT)


def test_nobody_listening_is_an_error_that_says_so() -> None:
    with pytest.raises(RefusedError, match="could not be reached"):
        GitHub(REPOSITORY, TOKEN, "http://127.0.0.1:9").put_comment(7, "text", BOT)


def test_github_takes_no_longer_comment_and_what_we_make_of_a_longer_text_it_takes(
    github: FakeGitHub,
) -> None:
    long = "a line of it\n" * 10_000
    with pytest.raises(RefusedError, match="422"):
        client(github).put_comment(7, long, BOT)
    client(github).put_comment(7, comment(long, "about"), BOT)
    assert len(github.comments[0]["body"]) <= LONGEST
    assert github.comments[0]["body"].endswith("The whole is in the artifact of the run.\n")


def test_nobody_is_called_by_name_in_a_text_that_anybody_may_have_made() -> None:
    assert "@\u200bcontoso/owners" in comment("for @contoso/owners", "about")


def test_a_text_cannot_pretend_to_be_another_comment_of_ours() -> None:
    assert comment(f"{MARKER} {MARKER}", "about").count(MARKER) == 1


def test_a_text_that_is_short_enough_stays_whole() -> None:
    assert cut("short\n", 100, "cut") == "short\n"


def test_a_cut_closes_the_block_of_code_and_the_folded_part_that_it_leaves_open() -> None:
    text = "before\n<details><summary>more</summary>\n\n```mermaid\n" + "line\n" * 100 + "```\n</details>\n"
    told = cut(text, 300, "cut here")
    assert len(told) <= 300
    assert told.endswith("line\n```\n\n</details>\n\ncut here\n")


@pytest.mark.parametrize("longest", [5, 20, 61, 62, 200])
def test_a_cut_is_never_longer_than_it_may_be(longest: int) -> None:
    text = "<details>\n```\n" * 40
    assert len(cut(text, longest, "cut")) <= longest
