"""docs/metrics.md against the running application: what it lists is there, with kind, labels and value."""

import math
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from rich.console import Console

from inference_stack.engine import Adapters, ServedModel, serve_config
from inference_stack.telemetry import panels
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import LocalRay, RayNode
from localcloud.toolchain import Toolchain
from tests.serving import adapter_store
from tests.serving.copilot import kill, replicas_of
from tests.telemetry.planned import planned_prod
from tests.telemetry.prometheus import SIMULATED, Prometheus, exporter, prometheus

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<kind>\w+) \| (?P<labels>[^|]+) \| .+ \|$", re.MULTILINE)

MODEL = ServedModel(
    name="copilot",
    source="Qwen/Qwen2.5-7B-Instruct",
    group="small",
    accelerator_type="H100",
    replicas_min=1,
    replicas_max=1,
    concurrency=4,
    engine={"max_model_len": 4096, "max_num_seqs": 4, "max_loras": 2, "max_lora_rank": 8},
    adapters=Adapters(path=adapter_store.PATH, count=2),
)
NODE = RayNode(cpus=1, gpus=1, resources={"accelerator_type:H100": 1, "small-worker": 1})
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
        with simulated(MODEL.source, NODE, state, console, **store.variables) as ray:
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


CLIENTS = 16
"""Four are answered at once and as many as may wait do so; the rest are sent away."""
PATIENCE_S = 150.0
PROD = planned_prod()
QUERIES = [(panel.title, query) for panel in panels(PROD) for query in panel.queries]


class Watched(NamedTuple):
    """Prometheus, beside the application and two exporters of what this machine does not have."""

    prometheus: Prometheus
    load: Callable[[], list[int]]
    """Asks more at once than may wait; the answers' codes."""
    exporters: dict[str, ExitStack]


@pytest.fixture(scope="module")
def watched(
    running: LocalRay, scraped: Scraped, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    assert scraped.asked
    question = {"model": "copilot", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 200}

    def ask(_: int) -> int:
        return client.post("/v1/chat/completions", json={**question, "min_tokens": 200}).status_code

    def load() -> list[int]:
        return list(clients.map(ask, range(CLIENTS)))

    with ExitStack() as open_until_the_end:
        client = open_until_the_end.enter_context(httpx2.Client(base_url=running.address, timeout=600))
        clients = open_until_the_end.enter_context(ThreadPoolExecutor(CLIENTS))
        exporters = {job: open_until_the_end.enter_context(ExitStack()) for job in SIMULATED}
        targets = {job: stack.enter_context(exporter(SIMULATED[job])) for job, stack in exporters.items()}
        targets["models"] = running.metrics.removeprefix("http://").removesuffix("/metrics")
        folder = tmp_path_factory.mktemp("prometheus")
        seen = open_until_the_end.enter_context(prometheus(toolchain, PROD, targets, folder))
        yield Watched(seen, load, exporters)


def _until(truth: Callable[[], bool], meanwhile: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not truth() and time.monotonic() < until:
        meanwhile()
    return truth()


def test_every_query_of_the_dashboard_gives_data_of_the_running_application(watched: Watched) -> None:
    seen = watched.prometheus

    def empty() -> set[tuple[str, str]]:
        return {(title, query.legend) for title, query in QUERIES if not seen.values(query.expr)}

    codes: list[int] = []
    _until(lambda: not empty(), lambda: codes.extend(watched.load()))
    assert set(codes) == {200, 429}
    assert empty() == set()
    assert seen.up() == {"models": [1], "gpus": [1], "gateway": [1]}
    for title, query in QUERIES:
        for labels in seen.labels(query.expr):
            assert set(re.findall(r"{{(\w+)}}", query.legend)) <= labels.keys(), title


def test_what_is_wrong_with_the_running_application_is_alerted_and_nothing_else(watched: Watched) -> None:
    seen = watched.prometheus
    for_good = {"GpusHalfIdle"}  # the exporter says so
    busy = {"Refused", "QueueStays"}
    assert _until(lambda: busy <= seen.alerts(), watched.load)
    assert not {"ScrapeFails", "NothingScraped", "ReplicaMissing", "CertificateEnds"} & seen.alerts()
    assert for_good <= seen.alerts()


def test_an_exporter_that_is_gone_is_alerted(watched: Watched) -> None:
    watched.exporters["gpus"].close()
    assert _until(lambda: "ScrapeFails" in watched.prometheus.alerts(), lambda: time.sleep(1))


def test_a_replica_that_is_gone_is_alerted(watched: Watched, running: LocalRay) -> None:
    for process in filter(None, replicas_of(running, "RUNNING").values()):
        kill(process)
    assert _until(lambda: "ReplicaMissing" in watched.prometheus.alerts(), lambda: time.sleep(1))
