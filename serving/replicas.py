"""Which replicas of the models run, and a call that waits for one so that Ray Serve starts it."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ReplicaState

from .ledger import FORGET_S, Ledger

logger = logging.getLogger("ray.serve")

LOOK_ASLEEP_S, LOOK_AWAKE_S = 1.0, 5.0
"""How often Ray Serve's controller is asked, where a model is at rest, and where all of them run.

An answer takes some hundredths of a second of the ingress' only core, so that no more of them are asked for
than somebody waits for: at rest, a client does."""
FIRST_LOOK_S = 10.0
"""How long the first request waits to know what runs; one replica is taken to, after that."""


class RunningReplicas:
    """Tells each model's ledger how many of its replicas run, as Ray Serve's status says.

    The status is the one public way: a handle knows them, but does not tell. What is some seconds old matters
    little: a request that meets no replica waits for one in Ray's queue, and has its time limit all the same.
    """

    def __init__(self, handles: Mapping[str, DeploymentHandle], ledgers: Mapping[str, Ledger]) -> None:
        """By model id. It is asked from a thread, since the answer blocks."""
        self._ledgers = {
            (handles[model].app_name, handles[model].deployment_name): ledger
            for model, ledger in ledgers.items()
        }
        self._known = threading.Event()
        if ledgers:
            threading.Thread(target=self._look_for_ever, name="running-replicas", daemon=True).start()

    async def known(self) -> None:
        """Until they are known, the first time: what an ingress is started for may have to wake a model."""
        if not self._known.is_set():
            await asyncio.to_thread(self._known.wait, FIRST_LOOK_S)

    def _look_for_ever(self) -> None:
        while True:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - Ray does not say what it raises; the next look may do
                logger.warning("Replicas that run are not known: %s", error)
            asleep = any(not ledger.runs for ledger in self._ledgers.values())
            time.sleep(LOOK_ASLEEP_S if asleep else LOOK_AWAKE_S)

    def _look(self) -> None:
        applications = serve.status().applications
        for (application, deployment), ledger in self._ledgers.items():
            states = applications[application].deployments[deployment].replica_states
            ledger.saw(states.get(ReplicaState.RUNNING, 0))
        self._known.set()


class Knock:
    """One call to a model at rest that waits for a replica, while clients are told to come back.

    Without it nobody might wait when they are all sent away, and autoscaling would give up the start.
    """

    def __init__(self, handle: DeploymentHandle, clock: Callable[[], float] = time.monotonic) -> None:
        """`handle` is the model's; `clock` never goes back, seconds."""
        self._handle = handle
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._knocked_s = 0.0

    def again(self) -> None:
        """Somebody was sent away: wait for a replica until everybody must have given up."""
        now = self._clock()
        if self._task and not self._task.done() and now - self._knocked_s < FORGET_S / 4:
            return
        before, self._knocked_s = self._task, now
        # In a context of its own: no part of the request that ends now.
        self._task = asyncio.create_task(self._wait(), context=Context())
        if before:
            before.cancel()

    async def _wait(self) -> None:
        call: Any = self._handle.check_health.remote()
        try:
            await asyncio.wait_for(call, FORGET_S)
        except Exception as error:  # noqa: BLE001 - whatever became of it, nobody is answered with it
            logger.info("A call to a model that wakes ended: %r", error)
        finally:
            call.cancel()
