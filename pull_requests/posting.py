"""Puts one comment on a pull request, and the next time another text into the same comment.

Uses nothing but the standard library: it runs where a token may write, so nothing is installed for it. What
it posts was made by somebody else's code: it is text, in which nobody is called by name.
"""

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

MARKER = "<!-- inference-stack: what this pull request changes -->"
LONGEST = 65_536
"""Characters that GitHub takes in a comment."""

_PAGE = 100
_WAIT_S = 30
_FENCE = re.compile(r"^(`{3,})", re.MULTILINE)


class RefusedError(Exception):
    """GitHub said no. The message holds what it said."""


def cut(text: str, longest: int, rest: str) -> str:
    """The text, or as many whole lines of it as `longest` characters hold, and then `rest`, which says so.

    A block of code and a folded part that the cut leaves open are closed, so that `rest` is seen.
    """
    if len(text) <= longest:
        return text
    kept = text[: longest - len(rest) - 1].splitlines()
    while kept:
        kept.pop()
        told = "\n".join(kept)
        closing = "\n```" if len(_FENCE.findall(told)) % 2 else ""
        closing += "\n\n</details>" * (told.count("<details>") - told.count("</details>"))
        whole = f"{told}{closing}\n\n{rest}\n"
        if len(whole) <= longest:
            return whole
    return rest[:longest]


class GitHub:
    """The part of GitHub's REST API that a comment needs."""

    def __init__(self, repository: str, token: str, api: str = "https://api.github.com") -> None:
        """Speak for `token` about `repository`, which is `owner/name`."""
        self._root = f"{api}/repos/{repository}"
        self._token = token

    def pull_request(self, head: str, commit: str) -> int | None:
        """Number of the open pull request from `head`, `owner:branch`, if it still proposes `commit`."""
        asked = urlencode({"state": "open", "head": head, "per_page": _PAGE})
        found = self._call("GET", f"/pulls?{asked}")
        return next((each["number"] for each in found if each["head"]["sha"] == commit), None)

    def put_comment(self, number: int, body: str, author: str) -> str:
        """Write `author`'s own comment anew, or the first one. Returns its address."""
        for found in self._comments(number):
            if found["body"].startswith(MARKER) and found["user"]["login"] == author:
                return self._call("PATCH", f"/issues/comments/{found['id']}", {"body": body})["html_url"]
        return self._call("POST", f"/issues/{number}/comments", {"body": body})["html_url"]

    def _comments(self, number: int) -> Iterator[Any]:
        page, found = 0, [None] * _PAGE
        while len(found) == _PAGE:
            page += 1
            found = self._call("GET", f"/issues/{number}/comments?per_page={_PAGE}&page={page}")
            yield from found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        asked = urllib.request.Request(  # noqa: S310 (GitHub's, or a test's)
            self._root + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(asked, timeout=_WAIT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            said = refused.read().decode(errors="replace")
            raise RefusedError(f"GitHub answered {refused.code} to {method} {path}: {said}") from None
        except urllib.error.URLError as lost:
            raise RefusedError(f"GitHub could not be reached: {lost.reason}") from None


def comment(text: str, about: str) -> str:
    """The comment that holds a text which anybody may have made: marked, short enough, and calling nobody."""
    calm = text.replace(MARKER, "").replace("@", "@\u200b")
    head = f"{MARKER}\n{about}\n\n"
    rest = "**Cut here: GitHub takes no longer comment.** The whole is in the artifact of the run."
    return head + cut(calm, LONGEST - len(head), rest)


def main() -> None:
    """Post a file. GITHUB_TOKEN and GITHUB_REPOSITORY are as a workflow has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="what to post, Markdown")
    parser.add_argument("--head", required=True, help="where the pull request comes from: owner:branch")
    parser.add_argument("--commit", required=True, help="the commit that was previewed")
    parser.add_argument("--about", default="", help="first line, such as a link to the run")
    parser.add_argument("--author", default="github-actions[bot]", help="who the token speaks for")
    given = parser.parse_args()
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    github = GitHub(os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"], api)
    try:
        number = github.pull_request(given.head, given.commit)
        if number is None:
            print(f"No open pull request from {given.head} proposes {given.commit}: nothing to tell there.")
            return
        text = given.file.read_text(encoding="utf-8", errors="replace")
        print(github.put_comment(number, comment(text, given.about), given.author))
    except RefusedError as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
