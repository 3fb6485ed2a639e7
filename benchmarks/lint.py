"""How long `inference-stack lint` takes for 1,000 RayServices on one core: `python -m benchmarks.lint`.

The manifests are our own emission in many variations; every fifth has a fault that people publish.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from inference_stack.engine import (
    Adapters,
    HeadGroup,
    RayService,
    ServedModel,
    WorkerGroup,
    disaggregated_config,
    ray_service,
    serve_config,
)
from inference_stack.spec.libyaml import DUMPER

COUNT = 1000
MODELS = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)
"""Models of a service, each with its workers: one, as a plan of ours has it, and now and then more."""
LIMIT_S = 5.0
SLICES = ("nvidia.com/gpu", "nvidia.com/mig-1g.12gb", "nvidia.com/mig-3g.47gb", "nvidia.com/mig-7g.94gb")
SOURCES = (
    "Qwen/Qwen3-8B",
    "mistralai/Mistral-Small-24B-Instruct-2501",
    "openai/gpt-oss-20b",
    "google/gemma-3-12b-it",
)
FAULTS = ("swap_space:", "device:", "max_seq_len_to_capture:", "max_model_length:")
"""Names that are gone, or misspelt, in place of max_model_len."""


class _AsPeopleWrite(DUMPER):
    """Texts of several lines as such, under a bar."""


_AsPeopleWrite.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, "|" if "\n" in text else None
    ),
)


def manifests(count: int, seed: int = 7) -> Iterator[str]:
    """RayServices as text, no two alike."""
    random = Random(seed)  # noqa: S311 - no secret
    for index in range(count):
        text = yaml.dump(ray_service(_service(random, index)), Dumper=_AsPeopleWrite, sort_keys=False)
        yield _broken(text, random) if index % 5 == 4 else text


def _broken(text: str, random: Random) -> str:
    return text.replace("max_model_len:", random.choice(FAULTS), 1)


def _service(random: Random, index: int) -> RayService:
    groups = tuple(_workers(random, f"pool-{number}") for number in range(random.choice(MODELS)))
    models = [_model(random, group, f"model-{number}") for number, group in enumerate(groups)]
    split = random.random() < 0.2
    config = serve_config(models)
    if split:
        both = {"name": "split", "source": models[0].source, "adapters": None}
        config = disaggregated_config(models[0].model_copy(update=both), models[-1].model_copy(update=both))
    return RayService(
        name=f"service-{index}",
        namespace="inference",
        image="acme.azurecr.io/serving:2.60.0-vllm0.29.0-4c4e1d4c4e1d",
        service_account="inference",
        licence="apache-2.0",
        head=HeadGroup(node_selector={"inference-stack.io/pool": "heads"}),
        workers=groups,
        serve=config,
    )


def _workers(random: Random, name: str) -> WorkerGroup:
    slice_or_gpu = random.choice(SLICES)
    return WorkerGroup(
        name=name,
        node_selector={"inference-stack.io/pool": name},
        taints=("nvidia.com/gpu=present:NoSchedule",),
        resource=slice_or_gpu,
        units=random.choice((1, 2, 4)) if slice_or_gpu == SLICES[0] else 1,
        accelerator_type="H100",
        cpu=random.randint(4, 48),
        memory_gib=random.randint(48, 320),
        shm_gib=random.randint(4, 32),
        replicas_min=random.randint(0, 1),
        replicas_max=random.randint(2, 8),
    )


def _model(random: Random, group: WorkerGroup, name: str) -> ServedModel:
    adapters = Adapters(path="abfss://adapters@acct.dfs.core.windows.net/team", count=4)
    engine: dict[str, Any] = {
        "max_model_len": 1024 * random.randint(2, 32),
        "max_num_seqs": random.randint(8, 256),
        "gpu_memory_utilization": round(random.uniform(0.5, 0.95), 2),
        "enable_chunked_prefill": True,
    }
    return ServedModel(
        name=name,
        source=random.choice(SOURCES),
        group=group.name,
        accelerator_type="H100",
        units=group.units,
        replicas_min=group.replicas_min,
        replicas_max=group.replicas_max,
        concurrency=random.randint(4, 128),
        engine=engine,
        adapters=adapters if random.random() < 0.5 else None,
    )


def main() -> None:
    """Write them, lint them in a process of its own on one core, and print what it took."""
    with TemporaryDirectory() as folder:
        size = 0
        for index, text in enumerate(manifests(COUNT)):
            size += Path(folder, f"{index}.yaml").write_text(text)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:1])
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "inference_stack.cli", "lint", "--json", folder]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(told.stdout)
    errors = sum(each["severity"] == "error" for each in found)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{COUNT} RayServices, {size / 1024**2:.1f} MiB: {errors} errors among {len(found)} findings")
    print(f"{spent:.2f} s of one core, at most {LIMIT_S:g} s are wanted; {took:.2f} s went by")
    sys.exit(spent > LIMIT_S)


if __name__ == "__main__":
    main()
