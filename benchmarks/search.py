"""How long the search for places takes: 20 and 200 models over the whole catalog, imports apart; and `fit`.

python -m benchmarks.search
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan, plan_environment

SOURCES = (
    "Qwen/Qwen2.5-7B-Instruct",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-32B",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-235B-A22B",
    "Qwen/Qwen2.5-Coder-7B-Instruct",
    "Qwen/Qwen2.5-Coder-32B-Instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
    "meta-llama/Llama-3.1-405B-Instruct",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "mistralai/Mistral-7B-Instruct-v0.3",
    "mistralai/Mixtral-8x22B-Instruct-v0.1",
    "mistralai/Mistral-Large-Instruct-2411",
    "deepseek-ai/DeepSeek-R1",
    "deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct",
    "microsoft/phi-4",
    "microsoft/Phi-4-mini-instruct",
    "openai/gpt-oss-20b",
    "openai/gpt-oss-120b",
)
SHAPES = ((1500, 300), (6000, 400), (800, 900), (3000, 60))
"""Prompt and answer, tokens."""

LIMITS_S = {20: 1.0, 200: 15.0}
"""What the search may take, seconds, by the number of models."""
CASES, CASES_S = 100, 2.0
"""Cases asked of `inference-stack fit` at once, and what they may take with its start, seconds."""


def environment(models: int) -> dict[str, Any]:
    """So many models, no two of which ask the same."""
    return {
        "region": "eastus",
        "storage_account": "acmeweights",
        "network": {"address_space": "10.0.0.0/8", "nodes": "10.0.0.0/16", "endpoints": "10.1.0.0/24",
                    "pods": "172.16.0.0/13", "services": "192.168.0.0/20"},
        "cluster": {"heads": {"sku": "Standard_D8ds_v5", "nodes": {"min": 0, "max": 200}}},
        "governance": {"licences": sorted({row.licence for row in CATALOG.models.values()})},
        "images": {"arm64": True},
        "models": [_model(number) for number in range(models)],
    }  # fmt: skip


def _model(number: int) -> dict[str, Any]:
    prompt, output = SHAPES[number // len(SOURCES) % len(SHAPES)]
    return {
        "name": f"m{number}",
        "source": SOURCES[number % len(SOURCES)],
        "context_tokens": 8192,
        "traffic": {
            "requests_per_second": 0.5 + number % 7 + number / 100,
            "prompt_tokens": prompt,
            "output_tokens": output,
        },
        "slo": {"ttft_ms": 4000, "tpot_ms": 60},
    }


def search(models: int) -> tuple[float, Plan]:
    """Seconds that a plan takes, and the plan."""
    asked = environment(models)
    start = time.perf_counter()
    plan = plan_environment(asked, name="bench", file="bench")
    return time.perf_counter() - start, plan


def fit() -> float:
    """Seconds until the cases are answered."""
    cases = [
        {"id": str(number), "model": SOURCES[0], "gpu": "H100-80GB-SXM", "max_model_len": 1000 + number}
        for number in range(CASES)
    ]
    command = Path(sys.executable).with_name("inference-stack")
    start = time.perf_counter()
    subprocess.run(
        [command, "fit", "--json", "-"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - start


def main() -> int:
    """Print the times; exit code 1 if one is over its limit."""
    table = Table("models", "search s", "limit s", "process s", "pools", "USD/h at peak", "proven best")
    late = False
    for models, limit in LIMITS_S.items():
        start = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.search", str(models)],
            capture_output=True,
            text=True,
            check=True,
        )
        whole = time.perf_counter() - start
        seconds, pools, usd, proven = ran.stdout.split()
        late |= float(seconds) > limit
        table.add_row(str(models), seconds, f"{limit:g}", f"{whole:.1f}", pools, usd, proven)
    console = Console()
    console.print(table)
    seconds = fit()
    console.print(f"{CASES} cases of fit: {seconds:.2f} s (limit {CASES_S:g} s)")
    return int(late or seconds > CASES_S)


def _once(models: int) -> None:
    from ortools.sat.python import cp_model  # noqa: F401 - not what is measured

    seconds, plan = search(models)
    proven = all(finding.code != "packing-unproven" for finding in plan.findings)
    usd = plan.price.peak.usd_per_hour
    print(f"{seconds:.2f} {len(plan.pools)} {usd:.2f} {'yes' if proven else 'no'}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _once(int(sys.argv[1]))
    else:
        sys.exit(main())
