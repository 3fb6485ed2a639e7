"""docs/metrics.md against the running application: what it lists is there, with kind, labels and value."""

import math
import re
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from rich.console import Console

from inference_stack.engine import Adapters, serve_config
from inference_stack.telemetry import Seen, panels, provocations
from inference_stack.telemetry.series import latency
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay
from localcloud.toolchain import Toolchain
from tests.serving import adapter_store
from tests.serving.provoking import BLOCKS, BY_ASKING, BY_BREAKING, CONTEXT, KEPT, Watched, watched
from tests.serving.small import node, small

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<kind>\w+) \| (?P<labels>[^|]+) \| .+ \|$", re.MULTILINE)

MODEL = small(
    CONTEXT,
    4,
    engine={"num_gpu_blocks_override": BLOCKS, "max_loras": 2, "max_lora_rank": 8},
    adapters=Adapters(path=adapter_store.PATH, count=2),
)
ASKED, TOKENS, PROMPT = 3, 12, "Who wrote this, and why? " * 12
SCRAPES_S = 120.0
"""Within which each series must have been seen. Ray tells of it every 10 s."""


def _documented() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Kind and labels of each series, by its name."""
    return {
        row["name"]: (row["kind"], tuple(re.findall(r"`(\w+)`", row["labels"])))
        for row in ROW.finditer(PAGE.read_text())
    }


DOCUMENTED = _documented()


class Scraped:
    """What was on the endpoint in one or several scrapes, the newest of each series."""

    def __init__(self) -> None:
        self.asked = ASKED + 2
        """Requests that were answered."""
        self.kinds: dict[str, str] = {}
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}

    def add(self, text: str) -> None:
        for family in text_string_to_metric_families(text):
            counter = family.type == "counter"
            self.kinds[f"{family.name}_total" if counter else family.name] = family.type
            for sample in family.samples:
                self._samples[sample.name, frozenset(sample.labels.items())] = sample

    def of(self, name: str, **labels: str) -> list[Sample]:
        """The samples of a series, or of the count of a histogram."""
        named = f"{name}_count" if self.kinds.get(name) == "histogram" else name
        return [
            sample
            for sample in self._samples.values()
            if sample.name == named and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum of what a series says."""
        return sum(sample.value for sample in self.of(name, **labels))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    with adapter_store.store() as store:
        store.put("legal", adapter_store.adapter(1))
        state, console = tmp_path_factory.mktemp("serve"), Console(stderr=True)
        with simulated(MODEL.source, node(), state, console, **store.variables) as ray:
            deploy(ray, serve_config([MODEL]).model_dump(mode="json", exclude_none=True))
            yield ray


@pytest.fixture(scope="module")
def scraped(running: LocalRay) -> Scraped:
    """The endpoint after some requests: plain ones, a stream, one for an adapter and one for no model."""
    found = Scraped()
    with httpx2.Client(base_url=running.address, timeout=600) as client:

        def ask(model: str = "copilot", **more: Any) -> int:
            question = {
                "model": model,
                "messages": [{"role": "user", "content": PROMPT}],
                "max_tokens": TOKENS,
            }
            return client.post(
                "/v1/chat/completions", json={**question, "min_tokens": TOKENS, **more}
            ).status_code

        assert [ask() for _ in range(ASKED)] == [200] * ASKED
        assert ask(stream=True) == 200
        assert ask("copilot:legal") == 200
        assert ask("nobody") == 404
        until = time.monotonic() + SCRAPES_S
        while time.monotonic() < until and not all(found.of(name) for name in DOCUMENTED):
            time.sleep(5)
            assert ask() == 200  # gauges go away while nothing is asked
            found.asked += 1
            found.add(httpx2.get(running.metrics, timeout=60).text)
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_documented_is_there_with_its_kind_and_labels(scraped: Scraped, name: str) -> None:
    kind, labels = DOCUMENTED[name]
    samples = scraped.of(name)
    assert samples
    assert scraped.kinds[name] == kind
    for sample in samples:
        assert set(labels) <= sample.labels.keys()
        assert math.isfinite(sample.value)
        assert sample.value >= 0


def test_every_series_of_vllm_that_is_there_is_documented(scraped: Scraped) -> None:
    told = set(re.findall(r"`(ray_vllm_\w+)`", PAGE.read_text()))
    assert {name for name in scraped.kinds if name.startswith("ray_vllm_")} <= told


def test_every_series_of_vllm_that_is_documented_is_declared_by_it() -> None:
    told = set(re.findall(r"`ray_vllm_(\w+?)(?:_bucket)?`", PAGE.read_text()))
    root = Path(str(files("vllm")))
    stated = [*root.glob("v1/metrics/*.py"), *root.glob("v1/spec_decode/*.py"), *root.rglob("nixl/stats.py")]
    declared = set(re.findall(r'"vllm:(\w+)"', "".join(file.read_text() for file in stated)))
    assert {name for name in told if not {name, name.removesuffix("_total")} & declared} == set()


def test_requests_and_tokens_are_counted_as_they_were_asked(scraped: Scraped) -> None:
    least, most = ASKED + 2, scraped.asked
    assert least <= scraped.value("ray_vllm_request_success_total", finished_reason="length") <= most
    assert least <= scraped.value("ray_vllm_time_to_first_token_seconds", model_name="copilot") <= most
    assert (
        least * TOKENS
        <= scraped.value("ray_vllm_generation_tokens_total", model_name="copilot")
        <= most * TOKENS
    )
    read = scraped.value("ray_vllm_prompt_tokens_total")
    cached = scraped.value("ray_vllm_prompt_tokens_cached_total")
    assert 0 < cached < read
    assert scraped.value("ray_vllm_prompt_tokens_by_source_total") == read
    assert least <= scraped.value("ray_serve_num_http_requests_total", status_code="200") <= most
    assert scraped.value("ray_serve_num_http_error_requests_total", error_code="404") == 1


def test_times_are_those_of_a_request_that_took_less_than_minutes(scraped: Scraped) -> None:
    for name in ("time_to_first_token", "request_time_per_output_token", "e2e_request_latency"):
        (beyond,) = scraped.of(f"ray_vllm_{name}_seconds_bucket", le="+Inf", model_name="copilot")
        within = [
            sample.value
            for sample in scraped.of(f"ray_vllm_{name}_seconds_bucket", model_name="copilot")
            if float(sample.labels["le"]) <= 240
        ]
        assert max(within) == beyond.value


def test_shares_and_replicas_are_within_their_bounds(scraped: Scraped) -> None:
    assert scraped.value("ray_vllm_kv_cache_usage_perc") <= 1
    healthy = scraped.of("ray_serve_deployment_replica_healthy")
    assert {each.labels["deployment"] for each in healthy} == {"LLMServer:copilot", "OpenAiIngress"}
    assert {each.value for each in healthy} == {1}
    assert scraped.value("ray_serve_autoscaling_target_replicas", deployment="LLMServer:copilot") == 1


def test_the_adapter_that_was_asked_for_is_counted_as_loaded_once(scraped: Scraped) -> None:
    assert scraped.value("ray_serve_num_multiplexed_models") == 1
    assert scraped.value("ray_serve_multiplexed_models_load_counter_total") == 1
    assert scraped.of("ray_vllm_lora_requests_info", max_lora="2")


QUERIES = [(panel.title, query) for panel in panels(KEPT) for query in panel.queries]
PROVOKED = {each.what: each for each in provocations(Seen.APPLICATION, Seen.STAND_IN)}


@pytest.fixture(scope="module")
def seen(
    running: LocalRay, scraped: Scraped, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    assert scraped.asked
    with watched(running, toolchain, tmp_path_factory.mktemp("prometheus")) as found:
        yield found


def test_everything_that_an_alert_was_seen_on_is_done_here() -> None:
    assert [*BY_ASKING, *BY_BREAKING] == list(PROVOKED)


def test_nothing_is_alerted_while_all_is_well(seen: Watched) -> None:
    def well() -> bool:
        return seen.prometheus.values(latency("ttft", 0.5)) != [] and seen.prometheus.alerts() == set()

    assert seen.until(well, lambda: seen.ask(PROMPT))
    assert seen.codes == {200}


def fires(seen: Watched, what: str, done: Callable[[Watched], object]) -> None:
    alerts = set(PROVOKED[what].alerts)
    assert not alerts & seen.prometheus.alerts()

    def again() -> None:
        done(seen)
        time.sleep(0.5)

    assert seen.until(lambda: alerts <= seen.prometheus.alerts(), again), seen.prometheus.alerts()


@pytest.mark.parametrize("what", BY_ASKING)
def test_what_is_asked_of_the_application_is_alerted(seen: Watched, what: str) -> None:
    fires(seen, what, BY_ASKING[what])


def test_every_query_of_the_dashboard_gives_data_of_the_running_application(seen: Watched) -> None:
    def empty() -> set[tuple[str, str]]:
        return {(title, query.legend) for title, query in QUERIES if not seen.prometheus.values(query.expr)}

    seen.until(lambda: not empty(), lambda: BY_ASKING["more requests than may wait"](seen))
    assert empty() == set()
    assert seen.codes == {200, 429}
    assert seen.prometheus.up() == {"models": [1], "gpus": [1], "gateway": [1]}
    for title, query in QUERIES:
        for labels in seen.prometheus.labels(query.expr):
            assert set(re.findall(r"{{(\w+)}}", query.legend)) <= labels.keys(), title


@pytest.mark.parametrize("what", BY_BREAKING)
def test_what_breaks_in_the_application_is_alerted(seen: Watched, what: str) -> None:
    fires(seen, what, BY_BREAKING[what])
