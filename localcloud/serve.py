"""A RayService of an environment served on this machine: its Serve configuration, as it is.

Real Ray Serve and real vLLM on simulated GPUs. The checkpoint that the configuration names is found in a
Hugging Face cache that holds a small random model of the same architecture in its place.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

import httpx2
import yaml
from rich.console import Console

from inference_stack.engine import SIDES
from inference_stack.planner import Plan, plan_environment
from inference_stack.planner import service_of as planned_service
from inference_stack.spec import CONFIG_KEY
from localcloud import sim_gpu
from localcloud.serve_ray import LocalRay, RayNode, ServeError, failures
from localcloud.sim_gpu.hub import provide

IN_THE_IMAGE = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serving.proxy.layers"}
"""Variables that the image of the serving layer sets."""
WAKE_S = 900.0
"""How long the first replica may take to answer; it takes 40 to 100 s on two free cores."""


@dataclass(frozen=True)
class LocalService:
    """A model that is served here: what Ray Serve is told, where, and what stands in for its checkpoint."""

    model: str
    source: str
    """Id on the hub of the checkpoint that the configuration names."""
    node: RayNode
    serve_config: Mapping[str, Any]
    beside: tuple[str, ...] = ()
    """Checkpoints of the models that share its GPUs."""

    def built_by(self, builder: str) -> Self:
        """The same with other applications: `builder` makes them, `module:function`."""
        built = [{**each, "import_path": builder} for each in self.serve_config["applications"]]
        return replace(self, serve_config={**self.serve_config, "applications": built})


def service_of(settings: Path, environment: str, model: str | None) -> LocalService:
    """The service of a model of an environment as the components emit it, the first one where none is named.

    Raises ServeError for a model that is not there, or whose weights lie elsewhere than on the hub, and
    InvalidEnvironment.
    """
    from components.serving_manifest import Place, service_manifest

    asked = yaml.safe_load(settings.read_text())["config"][CONFIG_KEY]
    # Small models stand in on this machine for those of the hub, whatever is copied on Azure.
    asked.pop("weights", None)
    plan = plan_environment(asked, name=environment, file=settings.name)
    chosen = _chosen(plan, model)
    together = planned_service(chosen.name, plan.models)
    for each in together.models:
        if each.weights:
            raise ServeError(
                f"{each.name}: its weights lie at {each.weights}, which is not reached from here"
            )
    manifest = service_manifest(plan, together, Place(namespace="local", service_account="local"))
    return LocalService(
        model=chosen.name,
        source=chosen.checkpoint,
        node=RayNode.of(manifest),
        serve_config=yaml.safe_load(manifest["spec"]["serveConfigV2"]),
        beside=tuple({each.checkpoint for each in together.models} - {chosen.checkpoint}),
    )


def _check(serve_config: Mapping[str, Any]) -> None:
    """Raise ServeError for what no simulated GPU takes: vLLM would say it a minute later, three times."""
    for arguments in (each["args"] for each in serve_config["applications"]):
        sides = [arguments[side] for side in SIDES if side in arguments]
        for model in (*arguments.get("llm_configs", ()), *sides):
            engine = model["engine_kwargs"]
            drafting = engine.get("speculative_config") or {}
            try:
                sim_gpu.check_engine(
                    cache_dtype=engine.get("kv_cache_dtype", "auto"),
                    quantization=engine.get("quantization"),
                    speculation=drafting.get("method"),
                )
            except sim_gpu.UnsupportedOnSimulatedGpuError as refusal:
                raise ServeError(f"{model['model_loading_config']['model_id']}: {refusal}") from None


def _chosen(plan: Plan, model: str | None) -> Any:
    named = {each.name: each for each in plan.models}
    if model is not None and model not in named:
        raise ServeError(f"{plan.name} has no model {model}.\n  allowed: {', '.join(named)}")
    return named[model] if model else plan.models[0]


@contextmanager
def served(service: LocalService, state: Path, console: Console) -> Iterator[LocalRay]:
    """A model that is served and has answered; nothing of it runs afterwards.

    Raises ServeError, and NoSmallModelError for an architecture that cannot be simulated.
    """
    _check(service.serve_config)
    with simulated((service.source, *service.beside), service.node, state, console) as ray:
        with _step(console, "The application, as serveConfigV2 has it"):
            deploy(ray, service.serve_config)
        with _step(console, f"A replica of {service.model}: vLLM starts"):
            _wake(ray, service.model)
        yield ray


@contextmanager
def simulated(
    sources: str | tuple[str, ...], node: RayNode, state: Path, console: Console, **variables: str
) -> Iterator[LocalRay]:
    """Ray with simulated GPUs, whose vLLM finds small random models in place of `sources`; it ends with it.

    `variables` are for the environment of every process. Raises ServeError, and NoSmallModelError for an
    architecture that cannot be simulated.
    """
    hub = (state / "hub").resolve()
    for source in (sources,) if isinstance(sources, str) else sources:
        with _step(console, f"A small random model in place of {source}"):
            provide(source, hub)
    cache = {"HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1"}
    environment = {**sim_gpu.variables(state / "plugin"), **cache, **IN_THE_IMAGE, **variables}
    ray = LocalRay(node, environment, state / "ray.log")
    try:
        with _step(console, f"Ray with {node.gpus} simulated GPUs"):
            ray.wait()
        yield ray
    finally:
        with console.status("Ending Ray …"):
            ray.stop()


def deploy(ray: LocalRay, serve_config: Mapping[str, Any]) -> None:
    """Serve exactly what a Serve configuration says, and wait until all of it runs; raises ServeError."""
    ray.deploy(serve_config)
    names = {each["name"] for each in serve_config["applications"]}
    until = time.monotonic() + WAKE_S
    while time.monotonic() < until:
        states = _healthy(ray)
        if set(states) == names and all(each["status"] == "RUNNING" for each in states.values()):
            return
        time.sleep(1)
    raise ServeError(f"The application was not running after {WAKE_S:.0f} s.")


def curl(ray: LocalRay, model: str) -> str:
    """A line to copy: a question to a model, answered as it is written."""
    return (
        f"curl -N {ray.address}/v1/chat/completions -H 'content-type: application/json' -d "
        f'\'{{"model": "{model}", "stream": true, "max_tokens": 64, '
        f'"messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )


def _wake(ray: LocalRay, model: str) -> None:
    """Ask for one token: a model that rests at zero replicas starts by being asked."""
    answers = SimpleQueue[httpx2.Response | httpx2.TransportError]()
    # A daemon, since a replica that fails again and again leaves the question without an answer.
    Thread(target=lambda: answers.put(_asked(ray, model)), daemon=True).start()
    while answers.empty():
        time.sleep(1)
        _healthy(ray)
    answer = answers.get()
    if isinstance(answer, httpx2.TransportError):
        raise ServeError(f"The model did not answer: {answer}")
    if not answer.is_success:
        raise ServeError(f"The model did not answer: {answer.status_code} {answer.text}")


def _asked(ray: LocalRay, model: str) -> httpx2.Response | httpx2.TransportError:
    question = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}
    try:
        return httpx2.post(f"{ray.address}/v1/chat/completions", json=question, timeout=WAKE_S)
    except httpx2.TransportError as lost:
        return lost


def _healthy(ray: LocalRay) -> dict[str, Any]:
    """The applications; raises ServeError where one has failed, or its replicas have."""
    applications = ray.applications()
    if told := failures(applications):
        raise ServeError("Ray Serve could not start the model:\n" + "\n".join(told))
    return applications


@contextmanager
def _step(console: Console, what: str) -> Iterator[None]:
    """Show what is being waited for, and how long it took."""
    started = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"{what}: {time.monotonic() - started:.0f} s", markup=False)
