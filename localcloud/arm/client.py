"""What azure-native's HTTP client makes of ARM's answers: it retries, polls, and waits until cancelled.

Its pace is azure-native's (provider/pkg/azure/client_azcore.go), as much faster as operations are here. Two
things differ: azure-native gives up a conflict after three retries, and its Cancel ended no waiting when last
seen.
"""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from localcloud.arm import operations
from localcloud.arm.cloud import Cloud, UnansweredError
from localcloud.arm.kinds import Kind
from localcloud.arm.refusal import ArmError, RequestError
from localcloud.arm.store import Store
from localcloud.arm.wire import Properties

_SPEED = 200
_POLL_S, _DELETE_POLL_S, _RETRY_S = 10 / _SPEED, 30 / _SPEED, 20 / _SPEED
_RETRIED = (408, 429, 500, 502, 503, 504)

Answer = TypeVar("Answer")


class OperationFailedError(Exception):
    """ARM accepted a PUT and its operation failed afterwards: the resource exists, half made."""

    def __init__(self, resource_id: str, outputs: Properties, error: RequestError) -> None:
        """The resource as it stands, and why it failed."""
        super().__init__(str(error))
        self.resource_id = resource_id
        self.outputs = outputs


class CanceledError(RequestError):
    """The engine cancelled while an answer was awaited."""

    def __init__(self) -> None:
        """In the words of the provider that is stood in for."""
        super().__init__("context canceled")


class Client:
    """Sends writes to ARM and waits for their end."""

    def __init__(self, store: Store, cancelled: Event) -> None:
        """Over an open store; once ``cancelled`` is set nothing is waited for."""
        self._store = store
        self._cloud = Cloud(store)
        self._cancelled = cancelled

    def put(self, kind: Kind, resource_id: str, body: Properties, *, new: bool = False) -> Properties:
        """Create or update; returns what a GET shows when the operation has ended.

        Raises:
            RequestError: it is to be ``new``, and exists; or cancelled before ARM took it.
            ArmError: ARM refuses; nothing has changed.
            OperationFailedError: accepted, then failed or cancelled; the resource exists.
        """
        if new and self._cloud.get(resource_id) is not None:
            raise RequestError(f"cannot create already existing resource '{resource_id}'")
        number = self._send(lambda: self._cloud.put(kind, resource_id, body), resource_id)
        try:
            self._wait(number, _POLL_S)
        except RequestError as error:
            raise OperationFailedError(resource_id, self._cloud.get(resource_id) or {}, error) from error
        return self._cloud.get(resource_id) or {}

    def delete(self, resource_id: str) -> None:
        """Delete a resource and what lies under it; an absent one is no error.

        Raises:
            ArmError: ARM refuses and nothing has changed, or its operation failed afterwards.
            CanceledError: cancelled, whether ARM took it or not.
        """
        self._wait(self._send(lambda: self._cloud.delete(resource_id)), _DELETE_POLL_S)

    def _send(self, request: Callable[[], Answer], creates: str | None = None) -> Answer:
        """ARM's answer to a request, sent again while something else is in its way."""
        while True:
            if self._cancelled.is_set():
                raise CanceledError
            try:
                return request()
            except UnansweredError as silence:
                self._cancelled.wait()
                error = CanceledError()
                if creates is not None and silence.accepted:
                    outputs = self._cloud.get(creates) or {}
                    raise OperationFailedError(creates, outputs, error) from silence
                raise error from silence
            except ArmError as error:
                conflict = error.status == 409 and error.code == "AnotherOperationInProgress"
                if not conflict and error.status not in _RETRIED:
                    raise
            self._cancelled.wait(_RETRY_S)

    def _wait(self, number: int | None, interval_s: float) -> None:
        while number is not None and not operations.is_done(self._store, number):
            if self._cancelled.wait(interval_s):
                raise CanceledError
