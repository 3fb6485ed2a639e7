"""GitHub's REST API as far as a comment needs it, on loopback: keeps comments, refuses what GitHub does."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN, BOT, REPOSITORY = "token-of-a-job", "github-actions[bot]", "contoso/inference"
LONGEST = 65_536


class Refused(Exception):  # noqa: N818
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class FakeGitHub:
    """One repository with one open pull request, number 7, from contoso:feature."""

    def __init__(self) -> None:
        self.api = ""
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def say(self, body: str, author: str = BOT) -> dict[str, Any]:
        number = len(self.comments) + 1
        address = f"https://github.com/{REPOSITORY}/pull/7#issuecomment-{number}"
        self.comments.append({"id": number, "body": body, "user": {"login": author}, "html_url": address})
        return self.comments[-1]

    def answer(self, method: str, address: str, token: str | None, body: Any) -> tuple[int, Any]:
        url = urlsplit(address)
        self.asked.append(f"{method} {url.path}")
        if token != f"Bearer {TOKEN}":
            raise Refused(401, "Bad credentials")
        root = f"/repos/{REPOSITORY}"
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if (method, url.path) == ("GET", f"{root}/pulls"):
            ours = query["head"] == "contoso:feature" and query["state"] == "open"
            return 200, [{"number": 7, "head": {"sha": "c0ffee"}}] if ours else []
        if url.path == f"{root}/issues/7/comments" and method == "GET":
            size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
            return 200, self.comments[size * (page - 1) : size * page]
        if url.path == f"{root}/issues/7/comments" and method == "POST":
            return 201, self.say(self._allowed(body))
        if (found := re.fullmatch(rf"{root}/issues/comments/(\d+)", url.path)) and method == "PATCH":
            comment = next((one for one in self.comments if one["id"] == int(found[1])), None)
            if comment is None:
                raise Refused(404, "Not Found")
            comment["body"] = self._allowed(body)
            return 200, comment
        raise Refused(404, "Not Found")

    def _allowed(self, body: Any) -> str:
        if len(body["body"]) > LONGEST:
            raise Refused(422, "Validation Failed: body is too long (maximum is 65536 characters)")
        return body["body"]


@contextmanager
def served(github: FakeGitHub) -> Iterator[FakeGitHub]:
    """The stand-in on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token, body = self.headers.get("Authorization"), json.loads(sent) if sent else None
            try:
                status, told = github.answer(self.command, self.path, token, body)
            except Refused as refused:
                status, told = refused.status, {"message": str(refused)}
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.api = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
