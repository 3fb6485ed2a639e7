"""Adapters of the small model that stands for Qwen 2.5, and a store of S3's kind that holds them."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import torch
from moto.server import ThreadedMotoServer
from safetensors.torch import save

HIDDEN, KEY_VALUE, LAYERS, RANK = 128, 64, 2, 8
"""Of the small model: the width of its layers, and of their values; and a rank that suits it."""
BUCKET, FOLDER = "models", "adapters"
PATH = f"s3://{BUCKET}/{FOLDER}"

Files = dict[str, bytes]


def adapter(seed: int, *, hidden: int = HIDDEN, rank: int = RANK, **config: Any) -> Files:
    """The files of an adapter that turns the small model's answers into others, each seed into its own."""
    torch.manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for layer in range(LAYERS):
        for module, outputs in (("q_proj", hidden), ("v_proj", KEY_VALUE)):
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            tensors[f"{name}.lora_A.weight"] = torch.randn(rank, hidden)
            tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, rank)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
        **config,
    }
    return {"adapter_config.json": json.dumps(settings).encode(), "adapter_model.safetensors": save(tensors)}


class Store:
    """A bucket on this machine."""

    def __init__(self) -> None:
        """Start a server, and make the bucket."""
        self._start(0)
        host, self._port = self._server.get_host_and_port()
        credentials = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anything"}
        self.variables = {
            "AWS_ENDPOINT_URL": f"http://{host}:{self._port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            **{name.upper(): value for name, value in credentials.items()},
        }
        """By which Ray, as any client of S3, finds it."""
        self._client = boto3.client(
            "s3", endpoint_url=self.variables["AWS_ENDPOINT_URL"], region_name="us-east-1", **credentials
        )
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Publish an adapter, in place of one that had the name."""
        self.remove(name)
        for file, content in files.items():
            self._client.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}/{file}", Body=content)

    def remove(self, name: str) -> None:
        """Take an adapter away."""
        found = self._client.list_objects_v2(Bucket=BUCKET, Prefix=f"{FOLDER}/{name}/").get("Contents", [])
        for each in found:
            self._client.delete_object(Bucket=BUCKET, Key=each["Key"])

    def stop(self) -> None:
        """Be out of reach; what is stored stays."""
        self._server.stop()

    def start(self) -> None:
        """Be there again."""
        self._start(self._port)

    def _start(self, port: int) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        self._server.start()


@contextmanager
def store() -> Iterator[Store]:
    """A store that runs."""
    running = Store()
    try:
        yield running
    finally:
        running.stop()


class Reads(logging.Handler):
    """How often the weights of each adapter were read, by the log of the store."""

    def __init__(self) -> None:
        """Nothing read."""
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Called for each request."""
        self._lines.append(record.getMessage())

    def of(self, name: str) -> int:
        """How often so far."""
        return sum("GET" in line and f"/{name}/adapter_model.safetensors" in line for line in self._lines)


@contextmanager
def reads() -> Iterator[Reads]:
    """What the store that runs in this process is asked for meanwhile."""
    log, counted = logging.getLogger("werkzeug"), Reads()
    log.addHandler(counted)
    try:
        yield counted
    finally:
        log.removeHandler(counted)
