"""A model's service that keeps what it is sent, and answers what a test wants."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from tests.gateway.proxy import LOOPBACK


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b"{}"
    retry_after_s: int | None = None
    silent_s: float = 0.0


class Upstream:
    """Where requests end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[bytes] = []
        """Requests as they arrived: address, headers and body."""
        self.answer = Answer()


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Serve for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.heard.append(f"{self.path}\n{self.headers}".encode() + body)
            told = found.answer
            time.sleep(told.silent_s)
            self.send_response(told.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told.body)))
            if told.retry_after_s is not None:
                self.send_header("retry-after", str(told.retry_after_s))
            with suppress(BrokenPipeError):  # The proxy waits no longer.
                self.end_headers()
                self.wfile.write(told.body)

        do_GET = do_POST  # noqa: N815 - so it is called there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
            """Nothing to tell."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    found = Upstream(server.server_address[1])
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
