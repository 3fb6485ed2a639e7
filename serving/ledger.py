"""What one ingress replica has let in of one model and has not seen the end of.

Pure but for the clock, which is passed in.
"""

import time
from collections.abc import Callable

from .admission import RETRY_S, AdmissionSettings, Admitted, InFlight, Refused, Request, admit
from .errors import ToldError

FORGET_S = 2.0 * RETRY_S[1]
"""After how long, in seconds, clients that were sent away from a model that wakes are taken to have given up.

Twice the longest `Retry-After`; autoscaling, too, then sees nobody wait, and gives up the start."""


class Ledger:
    """KV blocks of what was let in, replicas that run, and for how long requests have waited for one to."""

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing let in, of a model of which one replica runs. `clock` never goes back, seconds."""
        self._settings = settings
        self._clock = clock
        self._blocks = 0
        self._replicas = 1
        self._waking_since: float | None = None
        self._asked_s = 0.0

    @property
    def blocks(self) -> int:
        """KV blocks that what was let in may come to fill."""
        return self._blocks

    @property
    def runs(self) -> bool:
        """Whether a replica of the model runs."""
        return self._replicas > 0

    def saw(self, replicas: int) -> None:
        """Note how many replicas run now."""
        self._replicas = replicas
        if replicas:
            self._waking_since = None

    def let_in(self, request: Request) -> Admitted:
        """Let in a request, which counts until it is taken off; raises ToldError where there is no room."""
        now = self._clock()
        waking_s = self._waking_s(now)
        in_flight = InFlight(blocks=self._blocks, replicas=self._replicas, waking_s=waking_s)
        answer = admit(request, in_flight, self._settings)
        comes_back = isinstance(answer, Admitted) or answer.error.retry_after_s is not None
        if comes_back and not self.runs:
            self._waking_since, self._asked_s = now - waking_s, now
        if isinstance(answer, Refused):
            raise ToldError(answer.error)
        self._blocks += answer.blocks
        return answer

    def take_off(self, admitted: Admitted) -> None:
        """Note that a request that was let in has ended."""
        self._blocks -= admitted.blocks

    def _waking_s(self, now_s: float) -> float:
        """For how long requests have been waiting for a replica."""
        nobody_waits = not self._blocks and now_s - self._asked_s > FORGET_S
        if self.runs or self._waking_since is None or nobody_waits:
            return 0.0
        return now_s - self._waking_since
