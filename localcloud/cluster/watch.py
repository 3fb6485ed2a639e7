"""A live copy of all objects of one kind."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import httpx2
from lightkube import ApiError, Client
from lightkube.core.resource import NamespacedResource, Resource

_log = logging.getLogger(__name__)
_RETRY_S = 1.0

Reduced = TypeVar("Reduced")


class Watch(Generic[Reduced]):
    """Lists the objects of a kind, then follows their changes in a thread of its own.

    Each object is reduced to what is needed of it; what reduces to None is left out. What we write ourselves
    is told by `remember` and `forget`, so that the next look does not miss it.
    """

    def __init__(
        self,
        client: Client,
        kind: type[Resource],
        reduce: Callable[..., Reduced | None],
        changed: threading.Event,
    ) -> None:
        """Start to watch; `changed` is set whenever something is new."""
        self._client, self._kind, self._reduce, self._changed = client, kind, reduce, changed
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, Reduced | None]] = {}
        self._forgotten: set[str] = set()
        self.ready = threading.Event()
        threading.Thread(target=self._run, name=f"watch-{kind.__name__}", daemon=True).start()

    def items(self) -> tuple[Reduced, ...]:
        """All objects as known now."""
        with self._lock:
            return tuple(item for _, item in self._known.values() if item is not None)

    def remember(self, found: Any) -> None:
        """Take in an object, unless a newer version of it is known."""
        uid, version = _identity(found)
        with self._lock:
            if uid not in self._forgotten and version >= self._known.get(uid, (0, None))[0]:
                self._known[uid] = (version, self._reduce(found))
        self._changed.set()

    def forget(self, uid: str) -> None:
        """Drop an object that was deleted; late news of it is ignored."""
        with self._lock:
            self._known.pop(uid, None)
            self._forgotten.add(uid)
        self._changed.set()

    def _drop(self, uid: str) -> None:
        with self._lock:
            self._known.pop(uid, None)
            self._forgotten.discard(uid)
        self._changed.set()

    def _run(self) -> None:
        wait = threading.Event()
        while True:
            try:
                self._follow()
            except (ApiError, httpx2.HTTPError) as lost:
                _log.info("watch of %s lost, listing again: %s", self._kind.__name__, lost)
                wait.wait(_RETRY_S)

    def _follow(self) -> None:
        scope: dict[str, Any] = {"namespace": "*"} if issubclass(self._kind, NamespacedResource) else {}
        kind = cast("type[NamespacedResource]", self._kind)
        listed = self._client.list(kind, **scope)
        found = list(listed)
        with self._lock:
            self._known.clear()
            self._forgotten &= {_identity(one)[0] for one in found}
        for one in found:
            self.remember(one)
        self.ready.set()
        for event, one in self._client.watch(kind, resource_version=listed.resourceVersion, **scope):
            if event == "DELETED":
                self._drop(_identity(one)[0])
            else:
                self.remember(one)


def _identity(found: Any) -> tuple[str, int]:
    return found.metadata.uid, int(found.metadata.resourceVersion)
