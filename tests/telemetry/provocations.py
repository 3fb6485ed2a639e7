"""For each alert, series under which it must fire, and series under which all is well.

In promtool's notation: `0+6x99` is 0, 6, 12 …, one value a minute; `_x9` is nothing for nine minutes.
"""

from typing import NamedTuple

HOURS = 4
MINUTES = HOURS * 60
_BUSY = f"0+60x{MINUTES}"
_NEVER = f"0x{MINUTES}"
_SLOW = f"0+54x{MINUTES}"
"""Nine in ten of the busy ones."""


def _always(value: float) -> str:
    return f"{value}x{MINUTES}"


def _histogram(name: str, bound: str, within: str = _BUSY) -> dict[str, str]:
    """60 requests a minute within 10 s, so many of them within a bound in seconds."""
    labels = 'model_name="copilot"'
    return {
        f'{name}_bucket{{{labels}, le="0.01"}}': _NEVER,
        f'{name}_bucket{{{labels}, le="{bound}"}}': within,
        f'{name}_bucket{{{labels}, le="10.0"}}': _BUSY,
        f'{name}_bucket{{{labels}, le="+Inf"}}': _BUSY,
    }


_TTFT, _TPOT = "ray_vllm_time_to_first_token_seconds", "ray_vllm_request_time_per_output_token_seconds"
_ANSWERS = 'ray_serve_num_http_requests_total{application="models", status_code="%s"}'
_UP = 'up{job="%s", pool="%s", instance="%s", pod="%s"}'

GOOD: dict[str, str] = {
    **_histogram(_TTFT, "1.0"),
    **_histogram(_TPOT, "0.04"),
    'ray_vllm_num_requests_waiting{model_name="copilot"}': "0x3 2x3 " * 34,
    'ray_serve_deployment_queued_queries{deployment="LLMServer:copilot"}': _always(0),
    'ray_serve_deployment_queued_queries{deployment="OpenAiIngress"}': _always(3),
    'ray_vllm_kv_cache_usage_perc{model_name="copilot"}': _always(0.7),
    'ray_serve_autoscaling_target_replicas{deployment="LLMServer:copilot"}': _always(1),
    'ray_serve_deployment_replica_healthy{deployment="LLMServer:copilot", replica="a"}': _always(1),
    _ANSWERS % "200": _BUSY,
    'DCGM_FI_PROF_GR_ENGINE_ACTIVE{pool="slices", Hostname="n", gpu="0", GPU_I_ID="1"}': _always(0.8),
    "envoy_server_days_until_first_cert_expiring": _always(60),
    _UP % ("models", "slices", "10.0.0.1:8080", "worker"): _always(1),
    _UP % ("gpus", "slices", "10.0.0.2:9400", "exporter"): _always(1),
}
"""One model, one replica, one node, at work."""

BAD: dict[str, dict[str, str | None]] = {
    "TtftAboveSlo": {**_histogram(_TTFT, "1.0", _NEVER)},
    "TtftP95AboveSlo": {**_histogram(_TTFT, "1.0", _SLOW)},
    "TpotAboveSlo": {**_histogram(_TPOT, "0.04", _NEVER)},
    "TpotP95AboveSlo": {**_histogram(_TPOT, "0.04", _SLOW)},
    "QueueStays": {'ray_vllm_num_requests_waiting{model_name="copilot"}': _always(2)},
    "KvCacheFull": {'ray_vllm_kv_cache_usage_perc{model_name="copilot"}': _always(0.99)},
    "ReplicaMissing": {
        'ray_serve_deployment_replica_healthy{deployment="LLMServer:copilot", replica="a"}': None
    },
    "Refused": {_ANSWERS % "429": f"0+2x{MINUTES}"},
    "Failing": {_ANSWERS % "500": f"0+2x{MINUTES}"},
    "CertificateEnds": {"envoy_server_days_until_first_cert_expiring": _always(5)},
    "GpusHalfIdle": {
        'DCGM_FI_PROF_GR_ENGINE_ACTIVE{pool="slices", Hostname="n", gpu="0", GPU_I_ID="1"}': _always(0.2)
    },
    "BudgetExceeded": {
        _UP % ("gpus", "slices", f"10.1.0.{node}:9400", f"exporter-{node}"): _always(1) for node in range(150)
    },
    "ScrapeFails": {_UP % ("gpus", "slices", "10.0.0.2:9400", "exporter"): _always(0)},
    "NothingScraped": {_UP % ("models", "slices", "10.0.0.1:8080", "worker"): None},
}
"""What differs from GOOD; None takes a series away."""

ALSO: dict[str, set[str]] = {
    "TtftAboveSlo": {"TtftP95AboveSlo"},
    "TpotAboveSlo": {"TpotP95AboveSlo"},
}
"""Alerts that fire with another one, since what they watch is a part of it."""


class Case(NamedTuple):
    """Series, and the alerts that must fire under them and nothing else."""

    name: str
    series: dict[str, str]
    firing: set[str]


def cases() -> list[Case]:
    """Where all is well, and one for each alert."""
    bad = [
        Case(
            name,
            {series: values for series, values in (GOOD | changed).items() if values is not None},
            {name, *ALSO.get(name, set())},
        )
        for name, changed in BAD.items()
    ]
    return [Case("all is well", GOOD, set()), *bad]
