"""A replica and then the engine within the other are killed under load, on real vLLM: then none is left."""

import itertools
import json
from collections.abc import Iterator

import httpx2
import psutil
import pytest
from rich.console import Console

from inference_stack.engine import serve_config
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay
from tests.serving.accounted_load import CHAT, Asked, End, Load
from tests.serving.killing import kill, replicas
from tests.serving.small import node, small

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

REPLICAS, AT_ONCE, TOKENS = 2, 8, 60
MODEL = small(8192, AT_ONCE, REPLICAS)
QUESTION = {
    "model": MODEL.name,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": TOKENS,
    "min_tokens": TOKENS,
    "temperature": 0,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    config = json.loads(serve_config([MODEL]).model_dump_json(exclude_none=True))
    with simulated(
        MODEL.source, node(REPLICAS), tmp_path_factory.mktemp("serve"), Console(stderr=True)
    ) as ray:
        deploy(ray, config)
        yield ray


def test_a_replica_and_the_engine_of_the_other_are_killed_under_load(running: LocalRay) -> None:
    reference = httpx2.post(running.address + CHAT, json=QUESTION, timeout=300).json()
    answer = reference["choices"][0]["message"]["content"]
    questions = ((each, {**QUESTION, "stream": each % 2 == 0}) for each in itertools.count())
    asked = (Asked(f"vllm-{each}", question, answer) for each, question in questions)
    replica, other = replicas(running, f"LLMServer:{MODEL.name}").values()
    with Load(running.address, asked, 60, AT_ONCE) as load:
        load.until(12)
        kill([replica])
        load.until(24)
        (core,) = [each for each in psutil.Process(other).children() if "EngineCore" in each.name()]
        kill([core.pid])
    assert load.ends() - {End.ERROR} == {End.COMPLETED, End.ERROR_EVENT}
    # A request that was tried again may lose its second replica too, and is not tried a third time.
    lost_twice = [each for each in load.ended if each.end is End.ERROR]
    assert {each.code for each in lost_twice} <= {"replica_lost"}
    assert len(lost_twice) < AT_ONCE
