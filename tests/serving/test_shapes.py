"""Replicas of every shape, for real: Ray Serve and vLLM on simulated GPUs, asked over HTTP.

All are of one checkpoint, in single precision, so that what one writes the others must write too.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2
import pytest
from rich.console import Console

from benchmarks.serving_counters import Counters, Counts
from inference_stack.engine import ServeConfig, ServedModel, disaggregated_config, serve_config
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay, RayNode, ServeError

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SOURCE = "Qwen/Qwen2.5-7B-Instruct"
GPUS = 4
NODE = RayNode(cpus=1, gpus=GPUS, resources={"accelerator_type:H100": GPUS, "cards-worker": GPUS})
SPECULATION = {
    "method": "ngram",
    "num_speculative_tokens": 4,
    "prompt_lookup_max": 3,
    "prompt_lookup_min": 1,
}
PROMPTS = ("hello world " * 12, "abc", "The quick brown fox jumps over the lazy dog. " * 8)
TOKENS = 40
ASKED, COUNTED_S = 4, 30.0
"""How often a model is asked until all is counted, and within which time; Ray collects every second here."""

Answers = tuple[str, ...]


def _model(name: str, units: int = 1, **engine: Any) -> ServedModel:
    return ServedModel(
        name=name,
        source=SOURCE,
        group="cards",
        accelerator_type="H100",
        units=units,
        replicas_min=1,
        replicas_max=1,
        concurrency=4,
        engine={"dtype": "float32", "max_model_len": 2048, "max_num_seqs": 4, "block_size": 32, **engine},
    )


WHOLE, PAIR, DRAFTING = (
    _model("whole"),
    _model("pair", units=2),
    _model("drafting", speculative_config=SPECULATION),
)
APART = _model("apart")
FP8 = _model("fp8", kv_cache_dtype="fp8")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    state, console = tmp_path_factory.mktemp("serve"), Console(stderr=True)
    every = {"RAY_metrics_report_interval_ms": "1000"}
    with simulated(SOURCE, NODE, state, console, **every) as ray:
        yield ray


@pytest.fixture(scope="module")
def served(running: LocalRay) -> Callable[[ServeConfig], None]:
    def serve(config: ServeConfig) -> None:
        deploy(running, config.model_dump(mode="json", exclude_none=True))

    return serve


@pytest.fixture(scope="module")
def aggregated(
    running: LocalRay, served: Callable[[ServeConfig], None]
) -> Mapping[str, tuple[Answers, Counts]]:
    """What each of three models wrote, and what its engine counted meanwhile.

    One after the other: each has several processes, which together leave two cores no time to answer.
    """
    found: dict[str, tuple[Answers, Counts]] = {}
    for model in (WHOLE, PAIR, DRAFTING):
        served(serve_config([model]))
        found[model.name] = _counted(running, model.name)
    return found


@pytest.fixture(scope="module")
def apart(
    running: LocalRay, served: Callable[[ServeConfig], None], aggregated: Mapping[str, tuple[Answers, Counts]]
) -> Answers:
    """What a disaggregated model wrote, which comes after the others: its GPUs are theirs."""
    served(disaggregated_config(APART, APART))
    return _answers(running, "apart")


def _answers(ray: LocalRay, model: str) -> Answers:
    with httpx2.Client(base_url=ray.address, timeout=300) as client:
        return tuple(_written(client, model, prompt) for prompt in PROMPTS)


def _written(client: httpx2.Client, model: str, prompt: str) -> str:
    question = {
        "model": model,
        "prompt": prompt,
        "temperature": 0,
        "max_tokens": TOKENS,
        "ignore_eos": True,
    }
    answer = client.post("/v1/completions", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["text"]


def _counted(ray: LocalRay, model: str) -> tuple[Answers, Counts]:
    """Answers of a model, and vLLM's counters of them; asked again where a busy Ray has lost some counts."""
    counters, tokens = Counters(ray.metrics), TOKENS * len(PROMPTS)
    for _ in range(ASKED):
        before, answers = counters.now(model), _answers(ray, model)
        until = time.monotonic() + COUNTED_S
        while time.monotonic() < until:
            if (added := counters.now(model) - before).answer_tokens == tokens:
                return answers, added
            time.sleep(0.5)
    raise AssertionError(f"{model} has never counted {tokens} tokens")


def test_answers_differ_by_their_prompts(aggregated: Mapping[str, tuple[Answers, Counts]]) -> None:
    answers, counted = aggregated["whole"]
    assert len(set(answers)) == len(PROMPTS)
    assert counted.steps == TOKENS * len(PROMPTS)
    assert counted.drafted_tokens == 0


def test_two_gpus_in_tensor_parallel_write_what_one_writes(
    aggregated: Mapping[str, tuple[Answers, Counts]],
) -> None:
    assert aggregated["pair"][0] == aggregated["whole"][0]


def test_speculation_writes_the_same_in_fewer_steps(
    aggregated: Mapping[str, tuple[Answers, Counts]],
) -> None:
    (plain, before), (drafted, after) = aggregated["whole"], aggregated["drafting"]
    assert drafted == plain
    assert 0 < after.accepted_tokens <= after.drafted_tokens
    assert after.steps < before.steps
    # A token that is accepted saves a step; the last step of an answer may accept some beyond its end.
    beyond = after.steps + after.accepted_tokens - before.steps
    assert 0 <= beyond < SPECULATION["num_speculative_tokens"] * len(drafted)


def test_prompts_read_apart_are_answered_as_by_one_replica(
    aggregated: Mapping[str, tuple[Answers, Counts]], apart: Answers
) -> None:
    assert apart == aggregated["whole"][0]


def test_the_side_that_reads_has_read_every_prompt(running: LocalRay, apart: Answers) -> None:
    states = running.applications()["llm"]["deployments"]
    assert sum("Prefill" in name for name in states) == 1
    assert len(apart) == len(PROMPTS)


def test_a_quantized_cache_is_refused_by_name(
    running: LocalRay, served: Callable[[ServeConfig], None], apart: Answers
) -> None:
    with pytest.raises(ServeError, match="kv_cache_dtype = fp8: a simulated GPU keeps the KV cache") as told:
        served(serve_config([FP8]))
    assert "allowed: auto, bfloat16, float16" in str(told.value)
