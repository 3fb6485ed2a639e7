"""Environments of any number of models, from a few kinds of use: some fit slices, some take whole GPUs."""

from typing import Any

LICENCES = ("apache-2.0", "mit", "llama3.1", "llama3.3")

KINDS: tuple[dict[str, Any], ...] = (
    {"source": "Qwen/Qwen2.5-7B-Instruct", "workload": "internal-copilot", "context_tokens": 16384},
    {
        "source": "Qwen/Qwen3-8B",
        "workload": "internal-copilot",
        "context_tokens": 16384,
        "adapters": [{"name": "legal", "rank": 32}, {"name": "hr"}],
    },
    {"source": "Qwen/Qwen2.5-Coder-7B-Instruct", "workload": "code", "context_tokens": 8192},
    {"source": "meta-llama/Llama-3.1-8B-Instruct", "workload": "internal-copilot", "context_tokens": 8192},
    {"source": "Qwen/Qwen3-32B", "workload": "customer-facing", "context_tokens": 16384},
    {"source": "Qwen/Qwen3-30B-A3B-Instruct-2507", "workload": "multilingual", "context_tokens": 16384},
    {"source": "openai/gpt-oss-120b", "workload": "frontier", "context_tokens": 32768},
    {"source": "meta-llama/Llama-3.3-70B-Instruct", "workload": "internal-copilot", "context_tokens": 16384},
)
"""What models of an organisation are for. Each recurs, every time with other traffic."""


def environment(models: int) -> dict[str, Any]:
    """So many models on pools that the plan makes; the same ones every time."""
    return {
        "region": "swedencentral",
        "storage_account": "inferencebenchweights",
        "network": {
            "address_space": "10.0.0.0/8",
            "nodes": "10.0.0.0/16",
            "endpoints": "10.1.0.0/24",
            "pods": "172.16.0.0/13",
            "services": "192.168.0.0/20",
        },
        "cluster": {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"min": 0, "max": max(2, models)}}},
        "governance": {"licences": list(LICENCES)},
        "images": {"registry": "inferencebench.azurecr.io"},
        "models": [_model(number) for number in range(models)],
    }


def _model(number: int) -> dict[str, Any]:
    return {
        "name": f"model-{number:03}",
        **KINDS[number % len(KINDS)],
        "traffic": {"requests_per_second": round(0.5 + number * 0.37 % 4, 2)},
    }
