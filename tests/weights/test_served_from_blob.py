"""A model and its adapters that our job brought into Blob storage, served from there by the application."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from inference_stack.engine import Adapters, ServedModel, serve_config
from localcloud.serve import deploy, simulated
from localcloud.serve_ray import RayNode
from localcloud.sim_gpu.hub import provide
from tests.serving.adapter_store import adapter
from tests.weights.azurite import Azurite

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SOURCE = "Qwen/Qwen2.5-7B-Instruct"
TEAMS = ("legal", "hr")


@pytest.fixture(scope="module")
def client(blob: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of an application that has nothing but what lies in the storage."""
    made = tmp_path_factory.mktemp("made")
    provide(SOURCE, made / "hub")
    (snapshot,) = (made / "hub").glob("models--*/snapshots/*")
    _copied(blob, _listed(snapshot, made / "checkpoint"), blob.address("copilot"))
    for seed, team in enumerate(TEAMS):
        folder = _written(adapter(seed), made / team)
        _copied(blob, _listed(folder, made / f"{team}-listed"), blob.address(f"copilot/{team}", "adapters"))
    model = ServedModel(
        name="copilot",
        source=blob.address("copilot"),
        group="small",
        accelerator_type="H100",
        replicas_min=1,
        replicas_max=1,
        concurrency=8,
        engine={"max_model_len": 2048, "max_num_seqs": 8, "max_loras": 2, "max_lora_rank": 16},
        adapters=Adapters(path=blob.address("copilot", "adapters"), count=2),
    )
    config = json.loads(serve_config([model]).model_dump_json(exclude_none=True))
    node = RayNode(cpus=1, gpus=1, resources={"accelerator_type:H100": 1, "small-worker": 1})
    with simulated((), node, tmp_path_factory.mktemp("serve"), Console(stderr=True), **blob.variables) as ray:
        deploy(ray, config)
        with httpx2.Client(base_url=ray.address, timeout=300) as client:
            yield client


def _written(files: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _listed(folder: Path, copied: Path) -> Path:
    """A copy of a folder, with the list of what its files must be."""
    shutil.copytree(folder, copied)
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in copied.iterdir()]
    (copied / "SHA256SUMS").write_text("".join(sums))
    return copied


def _copied(blob: Azurite, folder: Path, address: str) -> None:
    command = [sys.executable, "-m", "serving.weights", "copy", str(folder), address]
    done = subprocess.run(
        command, env=blob.job_environment, check=False, timeout=120, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def _ask(client: httpx2.Client, model: str) -> Any:
    question = {
        "model": model,
        "messages": [{"role": "user", "content": "What is a contract?"}],
        "max_tokens": 16,
        "min_tokens": 16,
        "temperature": 0,
    }
    return client.post("/v1/chat/completions", json=question)


def test_a_model_is_served_from_blob_storage(client: httpx2.Client, blob: Azurite) -> None:
    answer = _ask(client, "copilot")
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["completion_tokens"] == 16
    assert blob.was_read("weights/copilot/model.safetensors")


def test_each_adapter_in_the_storage_answers_in_its_own_way(client: httpx2.Client) -> None:
    answers = [_ask(client, name) for name in ("copilot", *(f"copilot:{team}" for team in TEAMS))]
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
    assert len({answer.json()["choices"][0]["message"]["content"] for answer in answers}) == 3


def test_an_adapter_that_is_not_in_the_storage_is_not_found(client: httpx2.Client) -> None:
    assert _ask(client, "copilot:nobody").status_code == 404
