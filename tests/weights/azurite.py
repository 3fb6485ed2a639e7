"""Azure's Blob storage on this machine, and what it was asked."""

import contextlib
import os
import re
import secrets
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from azure.storage.blob import BlobServiceClient, ContainerClient

ACCOUNT = "inferenceweights"
START_S = 60.0


class Azurite:
    """A Blob endpoint that keeps everything in memory."""

    def __init__(self, port: int, key: str, log: Path) -> None:
        """Of a server that runs."""
        self._log = log
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        connection = f"AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
        self.variables = {"AZURE_STORAGE_CONNECTION_STRING": connection}
        """By which our job, and Ray's client of Azure, find it in place of Azure."""
        self._service = BlobServiceClient.from_connection_string(connection)
        for container in ("weights", "adapters"):
            self._service.create_container(container)

    @property
    def weights(self) -> ContainerClient:
        """The container of checkpoints."""
        return self._service.get_container_client("weights")

    @staticmethod
    def address(path: str, container: str = "weights") -> str:
        """A folder, as Ray reads it on Azure."""
        return f"abfss://{container}@{ACCOUNT}.dfs.core.windows.net/{path}"

    def blocks_received(self, path: str) -> list[str]:
        """Ids of the blocks of a folder's files that it took, one for each time, by its own log."""
        pattern = rf'"PUT /{ACCOUNT}/weights/{path}/\S*comp=block&\S*blockid=([^&\s]+)\S* HTTP/1.1" 201'
        lines = (line for line in self._log.read_text().splitlines() if "comp=blocklist" not in line)
        return [found[1] for line in lines if (found := re.search(pattern, line))]

    def was_read(self, blob: str) -> bool:
        """Whether somebody was given a blob, by its own log."""
        return re.search(rf'"GET /{ACCOUNT}/{blob}\S* HTTP/1.1" 20', self._log.read_text()) is not None

    @property
    def job_environment(self) -> dict[str, str]:
        """The environment of our job."""
        return {**os.environ, **self.variables}

    def flip(self, blob: str) -> None:
        """One bit of a blob is another, and everything that is said of it stays."""
        client = self.weights.get_blob_client(blob)
        metadata = client.get_blob_properties().metadata
        content = bytearray(client.download_blob().readall())
        content[len(content) // 2] ^= 1
        client.upload_blob(bytes(content), overwrite=True, metadata=metadata)


@contextmanager
def azurite(program: Path, folder: Path) -> Iterator[Azurite]:
    """An Azurite that runs; nothing of it is left afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key, log = b64encode(secrets.token_bytes(64)).decode(), folder / "azurite.log"
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    variables = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}", "PATH": os.environ["PATH"]}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*map(str, command), *options], cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(port, process)
        yield Azurite(port, key, log)
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while not _answers(port):
        assert process.poll() is None, "Azurite has ended"
        assert time.monotonic() < until, "Azurite did not start"
        time.sleep(0.1)


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        httpx2.get(f"http://127.0.0.1:{port}/{ACCOUNT}?comp=list", timeout=5)
        return True
    return False
