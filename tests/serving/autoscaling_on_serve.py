"""A deployment under the policy on real Ray Serve, from none to several and back; prints the counts as JSON.

Run in a process of its own: Ray reads the intervals of its reports when it is imported. The replicas only
wait; the first of them reports nothing that can be.
"""

import asyncio
import itertools
import json
import math
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

# At Ray's 15 a replica may not start beside one busy program. Ray tells capitals apart.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
os.environ["RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S"] = "0.5"
os.environ["RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S"] = "0.5"

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

from serving.signals import ReplicaReport

MOST, CLIENTS, PATIENCE_S = 3, 9, 240.0

CONFIG = AutoscalingConfig(
    min_replicas=0,
    max_replicas=MOST,
    upscale_delay_s=0.5,
    downscale_delay_s=1,
    look_back_period_s=2,
    policy=AutoscalingPolicy(
        policy_function="serving.autoscaling:LLMAutoscaling",
        policy_kwargs={
            "concurrency": 2,
            "kv_tokens": 4000,
            "request_tokens": 1000,
            "requests_per_second": 1.0,
            "cold_start_s": 1,
            "least_keep_s": 5,
            "silence_s": 5,
            "drain_s": 10,
        },
    ),
)


@serve.deployment(max_ongoing_requests=2, autoscaling_config=CONFIG, ray_actor_options={"num_cpus": 1})
class Model:
    """Waits instead of thinking."""

    def __init__(self, folder: str) -> None:
        self.running = 0
        try:
            (Path(folder) / "first").touch(exist_ok=False)
            self.sound = False
        except FileExistsError:
            self.sound = True

    async def __call__(self) -> str:
        self.running += 1
        try:
            await asyncio.sleep(1)
        finally:
            self.running -= 1
        return serve.get_replica_context().replica_id.unique_id

    def record_autoscaling_stats(self) -> dict[str, float]:
        if not self.sound:
            return {"engine_kv_use": math.nan, "engine_running_requests": -1.0}
        return ReplicaReport(
            at_s=time.time(),
            running_requests=self.running,
            waiting_requests=0,
            running_tokens=1000 * self.running,
            waiting_tokens=0,
            kv_use=self.running / 4,
        ).stats()


class Watched:
    """Replicas that run, each time their number changes."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def until(self, number: int) -> bool:
        """Whether so many run before patience ends."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            states = serve.status().applications["llm"].deployments["Model"].replica_states
            running = states.get("RUNNING", 0)
            if self.counts[-1:] != [running]:
                self.counts.append(running)
            if running == number and set(states) <= {"RUNNING"}:
                return True
            time.sleep(0.2)
        return False


def main(folder: str) -> None:
    """From none to the most and back to none, then say what was seen."""
    ray.init(num_cpus=MOST + 3, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    handle = serve.run(Model.bind(folder), name="llm", route_prefix=None)
    watched, enough = Watched(), threading.Event()
    watched.until(0)
    answers: list[str] = []

    def client() -> None:
        while not enough.is_set():
            answers.append(handle.remote().result(timeout_s=PATIENCE_S))

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    watched.until(MOST)
    enough.set()
    for one in clients:
        one.join()
    watched.until(0)
    changes = [after - before for before, after in itertools.pairwise(watched.counts)]
    turns = sum((before > 0) != (after > 0) for before, after in itertools.pairwise(changes))
    print(json.dumps({"counts": watched.counts, "turns": turns, "replicas": len(set(answers))}), flush=True)
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(folder))
