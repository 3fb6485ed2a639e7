"""What is done to the running application so that alerts fire, by what docs/telemetry.md calls it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from inference_stack.planner import Plan
from inference_stack.spec import Budget, Slo
from localcloud.serve_ray import LocalRay
from localcloud.toolchain import Toolchain
from tests.serving.copilot import kill, replicas_of
from tests.serving.killing import INGRESS, replicas
from tests.telemetry.planned import planned_prod
from tests.telemetry.prometheus import SIMULATED, Exporter, prometheus

CLIENTS = 16
"""Four are answered at once and as many as may wait do so; the rest are sent away."""
CONTEXT, BLOCK = 4096, 128
"""Tokens of a model's context, and of a block of its KV cache on a simulated GPU."""
BLOCKS = CONTEXT // BLOCK + 1
"""One request of the whole context fills them: the first block is vLLM's own."""
QUESTION, TOKENS = "Who wrote this, and why? " * 12, 200
LONG = "x" * (CONTEXT - TOKENS - 50)
"""A token each; the chat template adds some."""
PATIENCE_S = 150.0
LOOK_S = 0.3
PROD = planned_prod()


def bounded(slo_ms: float, usd_per_hour: float) -> Plan:
    """prod's plan with another SLO of every model that has one, and another budget."""
    slo = Slo(ttft_ms=slo_ms, tpot_ms=slo_ms)
    environment = PROD.environment.model_copy(update={"budget": Budget(usd_per_hour=usd_per_hour)})
    models = tuple(each.model_copy(update={"slo": slo}) if each.slo else each for each in PROD.models)
    return PROD.model_copy(update={"environment": environment, "models": models})


KEPT = bounded(slo_ms=3_600_000, usd_per_hour=1_000_000)
"""Bounds that nothing here exceeds."""


class Watched:
    """The application beside two exporters of what this machine does not have, and a Prometheus."""

    def __init__(self, ray: LocalRay, toolchain: Toolchain, folder: Path, until_the_end: ExitStack) -> None:
        self.ray = ray
        # One on a GPU node tells of nothing until its GPUs are at work.
        self.exporters = {
            job: until_the_end.enter_context(Exporter(SIMULATED[job] if job == "gateway" else ""))
            for job in SIMULATED
        }
        self.targets = {job: each.address for job, each in self.exporters.items()}
        self.targets["models"] = ray.metrics.removeprefix("http://").removesuffix("/metrics")
        self.prometheus = until_the_end.enter_context(prometheus(toolchain, KEPT, self.targets, folder))
        self.codes: set[int] = set()
        """Of all answers."""
        self._client = until_the_end.enter_context(httpx2.Client(base_url=ray.address, timeout=600))
        self._clients = ThreadPoolExecutor(CLIENTS)
        # What still waits then is answered by nobody: the application goes too.
        until_the_end.callback(self._clients.shutdown, wait=False, cancel_futures=True)
        self._ended: set[str] = set()

    def ask(self, *questions: str) -> None:
        """All at once, and wait for the answers."""
        self.codes |= set(self._clients.map(self._ask, questions))

    def _ask(self, question: str) -> int:
        asked: dict[str, Any] = {
            "model": "copilot",
            "messages": [{"role": "user", "content": question}],
            "max_tokens": TOKENS,
            "min_tokens": TOKENS,
        }
        return self._client.post("/v1/chat/completions", json=asked).status_code

    def until(self, truth: Callable[[], bool], meanwhile: Callable[[], object]) -> bool:
        """Whether something becomes true, while something else is done again and again.

        It is looked at meanwhile too: a queue that is alerted is empty again once all are answered.
        """
        until = time.monotonic() + PATIENCE_S
        with ThreadPoolExecutor(1) as doing:
            while time.monotonic() < until:
                done = doing.submit(meanwhile)
                while wait([done], timeout=LOOK_S).not_done:
                    if truth():
                        return True
                done.result()
                if truth():
                    return True
        return truth()

    def compute(self) -> None:
        """A simulated slice tells of itself."""
        self.exporters["gpus"].text = SIMULATED["gpus"]

    def kill_engines(self) -> None:
        """Every replica of the model."""
        for process in filter(None, replicas_of(self.ray, "RUNNING").values()):
            kill(process)

    def kill_ingress(self) -> None:
        """Each ingress replica as soon as it is there and has something to answer."""
        for name, process in replicas(self.ray, INGRESS).items():
            if name not in self._ended:
                self._ended.add(name)
                for _ in range(4):
                    self._clients.submit(self._ask, QUESTION)
                time.sleep(1)
                kill(process)


BY_ASKING: dict[str, Callable[[Watched], object]] = {
    "more requests than may wait": lambda watched: watched.ask(*[QUESTION] * CLIENTS),
    "a request as long as the KV cache": lambda watched: watched.ask(LONG, LONG),
    "an SLO of a microsecond": lambda watched: watched.prometheus.read(
        bounded(slo_ms=0.001, usd_per_hour=1_000_000), watched.targets
    ),
    "a budget below what the nodes cost": lambda watched: watched.prometheus.read(
        bounded(slo_ms=3_600_000, usd_per_hour=0.01), watched.targets
    ),
    "a slice that computes 30 % of the time": Watched.compute,
}
"""What leaves the application as it is."""
BY_BREAKING: dict[str, Callable[[Watched], object]] = {
    "every replica killed": Watched.kill_engines,
    "the ingress killed under load, twice": Watched.kill_ingress,
    "an exporter that stops": lambda watched: watched.exporters["gpus"].stop(),
    "no pods of models": lambda watched: watched.prometheus.read(
        KEPT, {job: each for job, each in watched.targets.items() if job != "models"}
    ),
}


@contextmanager
def watched(ray: LocalRay, toolchain: Toolchain, folder: Path) -> Iterator[Watched]:
    """A Prometheus beside a running application, until the block ends."""
    with ExitStack() as until_the_end:
        yield Watched(ray, toolchain, folder, until_the_end)
