"""A hub on this machine, as far as a copy asks one: the files of a commit, and ranges of them."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

REPOSITORY, COMMIT = "acme/model", "5" * 40
SMALL = 1000
"""Files of fewer bytes are in git itself, whose SHA-1 the hub tells; of the others it tells the SHA-256."""
TOKEN = "hf_of-somebody-who-agreed"  # noqa: S105


class Hub:
    """One repository at one commit."""

    def __init__(self, address: str) -> None:
        """Without files."""
        self.address = address
        self.files: dict[str, bytes] = {}
        self.flipped: set[str] = set()
        """Files that arrive with another bit than was published."""
        self.gated = False

    def described(self) -> list[dict[str, Any]]:
        """The files, as the hub tells of them."""
        return [_described(path, content) for path, content in self.files.items()]

    def content(self, path: str) -> bytes:
        """A file, as it arrives."""
        content = bytearray(self.files[path])
        if path in self.flipped:
            content[len(content) // 2] ^= 1
        return bytes(content)


@contextmanager
def hub(files: Mapping[str, bytes]) -> Iterator[Hub]:
    """A hub that runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    running = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    running.files = dict(files)
    _Answers.hub = running
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if found := re.fullmatch(rf"/api/models/{REPOSITORY}/revision/(\w+)", path):
            return self._tell(found[1], {"id": REPOSITORY, "sha": COMMIT, "siblings": self._siblings()})
        if found := re.fullmatch(rf"/api/models/{REPOSITORY}/tree/(\w+)(?:/.*)?", path):
            return self._tell(found[1], self.hub.described())
        if found := re.fullmatch(rf"/{REPOSITORY}/resolve/{COMMIT}/(.*)", path):
            return self._give(found[1])
        return self._refuse(404, "RepoNotFound")

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name
        """Say nothing."""

    def _siblings(self) -> list[dict[str, Any]]:
        return [
            {"rfilename": each["path"], "size": each["size"], "blobId": each["oid"]}
            | ({"lfs": each["lfs"] | {"sha256": each["lfs"]["oid"]}} if "lfs" in each else {})
            for each in self.hub.described()
        ]

    def _tell(self, commit: str, answer: Any) -> None:
        if commit != COMMIT:
            return self._refuse(404, "RevisionNotFound")
        return self._answer(200, json.dumps(answer).encode(), {"content-type": "application/json"})

    def _give(self, path: str) -> None:
        # Anybody may see what there is, and only who agreed gets it.
        if self.hub.gated and self.headers["authorization"] != f"Bearer {TOKEN}":
            return self._refuse(403, "GatedRepo")
        if path not in self.hub.files:
            return self._refuse(404, "EntryNotFound")
        content = self.hub.content(path)
        start, end = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["range"]).groups())  # type: ignore[union-attr]
        if start >= len(content):
            return self._refuse(416, "Range")
        told = f"bytes {start}-{min(end, len(content) - 1)}/{len(content)}"
        return self._answer(206, content[start : end + 1], {"content-range": told})

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"", {"X-Error-Code": code})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _described(path: str, content: bytes) -> dict[str, Any]:
    size = len(content)
    oid = hashlib.sha1(b"blob %d\0" % size + content, usedforsecurity=False).hexdigest()
    told = {"type": "file", "path": path, "size": size, "oid": oid}
    if size < SMALL:
        return told
    return told | {"lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 134}}
