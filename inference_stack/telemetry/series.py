"""What is asked of Prometheus, each written once: panels show it, and alerts compare it with a bound."""

from typing import Literal

MODELS, GPUS, GATEWAY = "models", "gpus", "gateway"
"""Scrape jobs: pods of Ray, NVIDIA's exporter on every GPU node, Envoy."""

RATE_WINDOW = "5m"
"""Ray tells of its counters every 10 s and is scraped twice a minute: a rate has ten points to go by."""

Latency = Literal["ttft", "tpot"]

SLOS: dict[Latency, str] = {"ttft": "inference:ttft_slo_seconds", "tpot": "inference:tpot_slo_seconds"}
USD_PER_HOUR = "inference:usd_per_hour"
"""Recorded by `rules` from the plan."""

_TIMES: dict[Latency, str] = {
    "ttft": "ray_vllm_time_to_first_token_seconds",
    "tpot": "ray_vllm_request_time_per_output_token_seconds",
}


def latency(what: Latency, quantile: float) -> str:
    """A quantile of TTFT or TPOT by model, seconds; nothing (NaN) while nobody asks."""
    histogram = f"{_TIMES[what]}_bucket"
    return f"histogram_quantile({quantile}, sum by (le, model_name) (rate({histogram}[{RATE_WINDOW}])))"


# Both gauges go away in an idle replica. The deployment of a model is called `<class>:<model>`.
WAITING = (
    "sum by (model_name) (ray_vllm_num_requests_waiting or label_replace("
    'ray_serve_deployment_queued_queries{deployment=~".+:.+"}, '
    '"model_name", "$1", "deployment", ".+:(.+)"))'
)
"""Requests of a model that wait, for a replica or inside its engine."""

RUNNING = "sum by (model_name) (ray_vllm_num_requests_running)"
KV_USE = "max by (model_name) (ray_vllm_kv_cache_usage_perc)"
"""Of the fullest replica, 0 to 1."""

TOKENS_WRITTEN = f"sum by (model_name) (rate(ray_vllm_generation_tokens_total[{RATE_WINDOW}]))"
TOKENS_READ = f"sum by (model_name) (rate(ray_vllm_prompt_tokens_total[{RATE_WINDOW}]))"

REPLICAS_WANTED = "max by (deployment) (ray_serve_autoscaling_target_replicas)"
# A replica that died has no series, and neither has a deployment without any.
REPLICAS_HEALTHY = (
    f"(sum by (deployment) (ray_serve_deployment_replica_healthy) or 0 * {REPLICAS_WANTED}) "
    f"and on (deployment) {REPLICAS_WANTED}"
)

GPU_USE = "avg by (pool) (DCGM_FI_PROF_GR_ENGINE_ACTIVE)"
"""Part of the time in which a GPU or slice computes, 0 to 1. DCGM_FI_DEV_GPU_UTIL says nothing of slices.

Names and labels: NVIDIA/dcgm-exporter, etc/dcp-metrics-included.csv and
internal/pkg/rendermetrics/render_metrics.go."""
GPU_USE_LONG = "avg by (pool) (avg_over_time(DCGM_FI_PROF_GR_ENGINE_ACTIVE[1h]))"
GPU_USE_BY_SLICE = "avg by (pool, Hostname, gpu, GPU_I_ID) (DCGM_FI_PROF_GR_ENGINE_ACTIVE)"
GPU_MEMORY_USE = (
    "sum by (pool) (DCGM_FI_DEV_FB_USED) / "
    "(sum by (pool) (DCGM_FI_DEV_FB_USED) + sum by (pool) (DCGM_FI_DEV_FB_FREE))"
)
GPU_NODES = f'count by (pool) (up{{job="{GPUS}"}})'

COST = f"sum by (pool) ({USD_PER_HOUR})"
COST_IN_ALL = f"sum({USD_PER_HOUR})"


def answered(codes: str = ".*") -> str:
    """Requests a second by application and status code, of those whose code matches."""
    return (
        "sum by (application, status_code) "
        f'(rate(ray_serve_num_http_requests_total{{status_code=~"{codes}"}}[{RATE_WINDOW}]))'
    )


def share_answered(codes: str) -> str:
    """Part of an application's requests that were answered with a code that matches."""
    return f"sum by (application) ({answered(codes)}) / (sum by (application) ({answered()}) > 0)"


# Envoy counts those who ask for its figures or its health too.
GATEWAY_ANSWERED = (
    "sum by (envoy_response_code_class) "
    f'(rate(envoy_http_downstream_rq_xx{{envoy_http_conn_manager_prefix!~"admin|eg-.*"}}[{RATE_WINDOW}]))'
)
CERTIFICATE_DAYS = "min(envoy_server_days_until_first_cert_expiring)"
SCRAPED = f'up{{job=~"{MODELS}|{GPUS}|{GATEWAY}"}}'
