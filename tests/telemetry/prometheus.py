"""A real Prometheus that reads what our configuration has it read, from addresses of this machine."""

import contextlib
import math
import subprocess
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import httpx2
import yaml

from inference_stack.planner import Plan
from inference_stack.telemetry import Job, jobs, rules_file, scrape_config
from inference_stack.telemetry.scrape import POOL_LABEL
from localcloud.toolchain import Tool, Toolchain
from tests.gateway.proxy import free_port

NAMESPACE = "inference"
EVERY = "2s"
"""Instead of half a minute and a minute: the test waits less, and asks the same."""

SIMULATED = {
    "gpus": """
# TYPE DCGM_FI_PROF_GR_ENGINE_ACTIVE gauge
DCGM_FI_PROF_GR_ENGINE_ACTIVE{Hostname="node-0",gpu="0",GPU_I_ID="1"} 0.3
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{Hostname="node-0",gpu="0",GPU_I_ID="1"} 20000
# TYPE DCGM_FI_DEV_FB_FREE gauge
DCGM_FI_DEV_FB_FREE{Hostname="node-0",gpu="0",GPU_I_ID="1"} 2000
""",
    "gateway": """
# TYPE envoy_http_downstream_rq_xx counter
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="https"} 10
# TYPE envoy_server_days_until_first_cert_expiring gauge
envoy_server_days_until_first_cert_expiring 90
""",
}
"""Series that need a GPU, or a gateway: written by hand, by the names that we ask for."""


class Exporter:
    """A server that tells of series to whoever asks, from the start of a block to its end."""

    def __init__(self, text: str) -> None:
        """`text` is what it tells, which may be changed."""
        self.text = text
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(told.text.encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name is the library's
                """Nothing: Prometheus asks every two seconds."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody from now on."""
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """What a running Prometheus is told to read, and what it answers."""

    def __init__(self, address: str, folder: Path) -> None:
        self._client, self._folder = httpx2.Client(base_url=address, timeout=30), folder

    def read(self, plan: Plan, targets: Mapping[str, str]) -> None:
        """From now on these targets, with the rules of this plan; what was read before is kept."""
        _configure(self._folder, plan, targets)
        answer = self._client.post("/-/reload")
        assert answer.status_code == 200, answer.text

    def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx2.TransportError):
            return self._client.get("/-/ready").status_code == 200
        return False

    def labels(self, expr: str) -> list[dict[str, str]]:
        """Labels of what a query gives now, without what is no number."""
        return [labels for labels, _ in self.series(expr)]

    def values(self, expr: str) -> list[float]:
        """Values of what a query gives now, without what is no number."""
        return [value for _, value in self.series(expr)]

    def series(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of what a query gives now, without what is no number."""
        found = [(each["metric"], float(each["value"][1])) for each in self._ask("query", query=expr)]
        return [(labels, value) for labels, value in found if math.isfinite(value)]

    def over_time(self, expr: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """What a query gave between two times: labels, and pairs of time and value, of each series."""
        return self._ask("query_range", query=expr, start=start, end=end, step=step_s)

    def _ask(self, what: str, **question: Any) -> list[dict[str, Any]]:
        answer = self._client.get(f"/api/v1/{what}", params=question)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["result"]

    def up(self) -> dict[str, list[float]]:
        """Of each job, whether its targets answered."""
        return {job: self.values(f'up{{job="{job}"}}') for job in ("models", *SIMULATED)}

    def alerts(self) -> set[str]:
        """Names of the alerts that fire."""
        found = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


@contextlib.contextmanager
def prometheus(
    toolchain: Toolchain, plan: Plan, targets: Mapping[str, str], folder: Path
) -> Iterator[Prometheus]:
    """Prometheus with the scrape configuration and the rules of a plan, until the block ends.

    `targets`: the address of each job's one pod; a job without one has no pods.
    """
    _configure(folder, plan, targets)
    port = free_port()
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                toolchain.path(Tool.PROMETHEUS),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            running = Prometheus(f"http://127.0.0.1:{port}", folder)
            until = time.monotonic() + 60
            while not running.is_ready():
                assert process.poll() is None, (folder / "prometheus.log").read_text()[-2000:]
                assert time.monotonic() < until
                time.sleep(0.2)
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _configure(folder: Path, plan: Plan, targets: Mapping[str, str]) -> None:
    (folder / "rules.yaml").write_text(yaml.safe_dump(_hasty(rules_file(plan))))
    scraped = zip(scrape_config([NAMESPACE])["scrape_configs"], jobs([NAMESPACE]), strict=True)
    config = {
        "global": {"evaluation_interval": EVERY},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            _fixed(entry, [_pod(job, targets[job.name])] if job.name in targets else [])
            for entry, job in scraped
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))


def _fixed(entry: dict[str, Any], pods: list[dict[str, Any]]) -> dict[str, Any]:
    """A job with these pods instead of those of a cluster, read more often; all else stays."""
    return {
        **{key: value for key, value in entry.items() if key != "kubernetes_sd_configs"},
        "scrape_interval": EVERY,
        "scrape_timeout": EVERY,
        "static_configs": pods,
    }


def _pod(job: Job, address: str) -> dict[str, Any]:
    """A pod at an address of this machine, with what Kubernetes would say of it."""
    named = "name" if not job.port.isdigit() else "number"
    labels = {
        **{_label(f"label_{label}"): value for label, value in job.labels.items()},
        _label(f"container_port_{named}"): job.port,
        _label("phase"): "Running",
        _label("node_name"): "node-0",
        _label("name"): f"{job.name}-0",
        "__meta_kubernetes_namespace": NAMESPACE,
        POOL_LABEL: "slices",
    }
    return {"targets": [address], "labels": labels}


def _label(name: str) -> str:
    spelt = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"__meta_kubernetes_pod_{spelt}"


def _hasty(rules: dict[str, Any]) -> dict[str, Any]:
    """The same rules, asked often and firing at once: promtool's test is about how long they wait."""
    return {
        "groups": [
            {
                **group,
                "interval": EVERY,
                "rules": [
                    {key: value for key, value in rule.items() if key != "for"} for rule in group["rules"]
                ],
            }
            for group in rules["groups"]
        ]
    }
