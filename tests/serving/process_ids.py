"""Applications that answer with the process of their replica: one that asks it itself, one behind an ingress.

They lie where ours do: replicas on a worker, the ingress on the head.
"""

import os
from typing import Any

from ray import serve

from inference_stack.engine.serve_config import HEAD_RESOURCE

WORKER_RESOURCE = "small-worker"


@serve.deployment(ray_actor_options={"num_cpus": 0, "resources": {WORKER_RESOURCE: 0.001}})
class Replica:
    """What would hold a model in the memory of a GPU."""

    def __call__(self, _request: Any = None) -> str:
        return str(os.getpid())


@serve.deployment(ray_actor_options={"num_cpus": 0, "resources": {HEAD_RESOURCE: 0.001}})
class Ingress:
    """Hands a request on."""

    def __init__(self, replica: Any) -> None:
        self._replica = replica

    async def __call__(self, _request: Any) -> str:
        return await self._replica.remote()


direct = Replica.bind()
behind_ingress = Ingress.bind(Replica.bind())
