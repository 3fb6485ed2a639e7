"""Ten thousand requests to the application while parts of it are killed and replaced, one by one.

All of it is real but the engine, which counts: the proxy, the ingress, the replicas, and how Ray mends them.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from inference_stack.engine import serve_config
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay
from tests.serving.accounted_load import BEGUN, Asked, End, Load
from tests.serving.killing import INGRESS, kill, mended, proxies, replicas
from tests.serving.small import node, small

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

REPLICAS, INGRESSES, WORDS, AT_ONCE = 2, 2, 8, 96
MODEL = small(8192, AT_ONCE, REPLICAS)
QUESTION = {
    "model": MODEL.name,
    "messages": [{"role": "user", "content": "Count."}],
    "max_tokens": WORDS,
}
ANSWER = "".join(f"{each} " for each in range(WORDS))
REPLICA = f"LLMServer:{MODEL.name}"


def _serve_config() -> dict[str, Any]:
    config = json.loads(serve_config([MODEL]).model_dump_json(exclude_none=True))
    (application,) = config["applications"]
    ingress = application["args"]["ingress_deployment_config"]
    ingress["autoscaling_config"] |= {"min_replicas": INGRESSES, "max_replicas": INGRESSES}
    return config


class Running:
    """The application, and what its engines have begun."""

    def __init__(self, ray: LocalRay, begun: Path) -> None:
        self.ray, self._begun = ray, begun

    def load(self, name: str, number: int, at_once: int = AT_ONCE) -> Load:
        """Requests to the application, every second one a stream."""
        questions = ((each, {**QUESTION, "stream": each % 2 == 0}) for each in itertools.count())
        asked = (Asked(f"{name}-{each}", question, ANSWER) for each, question in questions)
        return Load(self.ray.address, asked, number, at_once)

    def begun_again(self, name: str) -> int:
        """How many requests an engine has begun more than once."""
        begun = Counter(line for file in self._begun.iterdir() for line in file.read_text().splitlines())
        return sum(times > 1 for id_, times in begun.items() if id_.startswith(name))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("serve")
    begun = state / "begun"
    begun.mkdir()
    engine = {"RAYLLM_VLLM_ENGINE_CLS": "tests.serving.fast_engine.FastEngine", BEGUN: str(begun)}
    with simulated(MODEL.source, node(REPLICAS), state, Console(stderr=True), **engine) as ray:
        deploy(ray, _serve_config())
        yield Running(ray, begun)


@pytest.fixture
def running(started: Running) -> Running:
    mended(started.ray, {INGRESS: INGRESSES, REPLICA: REPLICAS})
    return started


def test_replicas_are_killed_under_load_one_and_then_all(running: Running) -> None:
    with running.load("replica", 4000) as load:
        load.until(800)
        kill(list(replicas(running.ray, REPLICA).values())[:1])
        load.until(2000)
        kill(replicas(running.ray, REPLICA).values())
    assert load.ends() == {End.COMPLETED, End.ERROR_EVENT}
    assert running.begun_again("replica")


def test_ingresses_are_killed_under_load_one_and_then_all(running: Running) -> None:
    with running.load("ingress", 3000) as load:
        load.until(600)
        kill(list(replicas(running.ray, INGRESS).values())[:1])
        load.until(1500)
        kill(replicas(running.ray, INGRESS).values())
    assert load.ends() == {End.COMPLETED, End.ERROR_EVENT}
    assert running.begun_again("ingress")


def test_a_rolling_update_under_load_loses_nothing(running: Running) -> None:
    before = replicas(running.ray, REPLICA)
    config = _serve_config()
    config["applications"][0]["args"]["llm_configs"][0]["engine_kwargs"]["max_num_seqs"] += 1
    with running.load("update", 2000, at_once=24) as load:
        load.until(200)
        running.ray.deploy(config)
        mended(running.ray, {INGRESS: INGRESSES, REPLICA: REPLICAS}, without=before)
    assert load.ends() == {End.COMPLETED}


def test_only_the_loss_of_the_proxy_itself_cuts_connections(running: Running) -> None:
    with running.load("proxy", 1000) as load:
        load.until(300)
        kill(proxies(running.ray))
    assert load.ends() <= {End.COMPLETED, End.ERROR, End.CUT_BEFORE, End.CUT_WITHIN}
    assert {each.code for each in load.ended} <= {"", "model_unavailable"}
    # Those that it held, and those that came on a connection which nobody had closed yet.
    assert sum(each.end in (End.CUT_BEFORE, End.CUT_WITHIN) for each in load.ended) < 2 * AT_ONCE
