"""Asks the API server whether it is ready, and what it serves."""

import http.client
import json
import ssl
from http import HTTPStatus

from localcloud.cluster.pki import Pki

_TIMEOUT_S = 5


class Probe:
    """Short questions to an API server that may not be there yet."""

    def __init__(self, pki: Pki, port: int) -> None:
        """Ask as the supervisor, on a loopback port."""
        self._port = port
        self._context = ssl.create_default_context(cafile=str(pki.authority))
        self._context.load_cert_chain(pki.certificate("supervisor"), pki.key("supervisor"))

    def is_ready(self) -> bool:
        """Whether it can serve everything."""
        answer = self._get("/readyz")
        return answer is not None and answer[0] == HTTPStatus.OK

    def kinds(self, version: str) -> set[str] | None:
        """Kinds that it tells clients of under a group and version; None if it does not answer."""
        match self._get(f"/apis/{version}"):
            case (HTTPStatus.OK, body):
                return {resource["kind"] for resource in json.loads(body)["resources"]}
            case (HTTPStatus.NOT_FOUND, _):
                return set()
            case _:
                return None

    def _get(self, path: str) -> tuple[int, bytes] | None:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=self._context, timeout=_TIMEOUT_S
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
