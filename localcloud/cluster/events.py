"""Writes the autoscaler's events, which `kubectl describe pod` shows."""

from datetime import UTC, datetime, timedelta

from lightkube import Client
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event

from localcloud.cluster.observed import ObservedPod

SCALED = "TriggeredScaleUp"
NOT_SCALED = "NotTriggerScaleUp"
_SOURCE = "cluster-autoscaler"
_LONGEST = 1024
_REPEAT = timedelta(minutes=10)


class Events:
    """Says each thing once about a pod, and again before the API server forgets it."""

    def __init__(self, client: Client) -> None:
        """Write through a client."""
        self._client = client
        self._said: dict[tuple[str, str], tuple[str, datetime]] = {}

    def say(self, pod: ObservedPod, reason: str, message: str) -> None:
        """Record an event about a pod, unless the same was recorded lately."""
        now, text = datetime.now(UTC), message[:_LONGEST]
        said, when = self._said.get((pod.uid, reason), ("", now))
        if said == text and now - when < _REPEAT:
            return
        self._client.create(
            Event(
                metadata=ObjectMeta(generateName=f"{pod.name[:200]}.", namespace=pod.namespace),
                involvedObject=ObjectReference(
                    apiVersion="v1", kind="Pod", name=pod.name, namespace=pod.namespace, uid=pod.uid
                ),
                reason=reason,
                message=text,
                type="Normal",
                source=EventSource(component=_SOURCE),
                firstTimestamp=now,
                lastTimestamp=now,
                count=1,
            )
        )
        self._said[pod.uid, reason] = (text, now)
