"""A real Prometheus that reads what our configuration has it read, from addresses of this machine."""

import contextlib
import math
import subprocess
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

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


@contextlib.contextmanager
def exporter(text: str) -> Iterator[str]:
    """A server that tells of these series to whoever asks; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name is the library's
            """Nothing: Prometheus asks every two seconds."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Prometheus:
    """What a running Prometheus answers."""

    def __init__(self, address: str) -> None:
        self._client = httpx2.Client(base_url=address, timeout=30)

    def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx2.TransportError):
            return self._client.get("/-/ready").status_code == 200
        return False

    def labels(self, expr: str) -> list[dict[str, str]]:
        """Labels of what a query gives now, without what is no number."""
        found = self._ask("query", query=expr)
        return [series["metric"] for series in found if math.isfinite(float(series["value"][1]))]

    def values(self, expr: str) -> list[float]:
        """Values of what a query gives now, without what is no number."""
        found = [float(series["value"][1]) for series in self._ask("query", query=expr)]
        return [value for value in found if math.isfinite(value)]

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
    """Prometheus with the scrape configuration and the rules of a plan, until the block ends."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(_hasty(rules_file(plan))))
    config = {
        "global": {"evaluation_interval": EVERY},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            _fixed(entry, job, targets[job.name])
            for entry, job in zip(
                scrape_config([NAMESPACE])["scrape_configs"], jobs([NAMESPACE]), strict=True
            )
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                toolchain.path(Tool.PROMETHEUS),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            running = Prometheus(f"http://127.0.0.1:{port}")
            until = time.monotonic() + 60
            while not running.is_ready():
                assert process.poll() is None, (folder / "prometheus.log").read_text()[-2000:]
                assert time.monotonic() < until
                time.sleep(0.2)
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _fixed(entry: dict[str, Any], job: Job, target: str) -> dict[str, Any]:
    """One pod at an address of this machine, with what Kubernetes would say of it; all else stays."""
    address, _, path = target.partition("/")
    named = "name" if not job.port.isdigit() else "number"
    pod = {
        **{_label(f"label_{label}"): value for label, value in job.labels.items()},
        _label(f"container_port_{named}"): job.port,
        _label("phase"): "Running",
        _label("node_name"): "node-0",
        _label("name"): f"{job.name}-0",
        "__meta_kubernetes_namespace": NAMESPACE,
        POOL_LABEL: "slices",
    }
    return {
        **{key: value for key, value in entry.items() if key != "kubernetes_sd_configs"},
        "scrape_interval": EVERY,
        "scrape_timeout": EVERY,
        "metrics_path": f"/{path}" if path else entry["metrics_path"],
        "static_configs": [{"targets": [address], "labels": pod}],
    }


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
