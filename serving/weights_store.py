"""A folder in a container of Azure's Blob storage: files come in by blocks, and are read back."""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobBlock, BlobClient, BlobServiceClient

from .weights_source import PART_BYTES, SourceFile, WeightsError

ADDRESS = re.compile(r"abfss://([a-z0-9-]+)@([a-z0-9]{3,24})\.dfs\.core\.windows\.net/(\S+?)/*")
"""A folder as Ray reads it: container, account, path."""
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
"""Where it is set, as for adlfs, it says which server stands for the account."""
MANIFEST = "manifest.json"
"""Written last: a folder without it is no checkpoint."""
PATIENCE_S = 300
"""For one answer of the storage; a block is tens of MiB."""


class BlobFolder:
    """A folder of blobs, which need not be there yet."""

    def __init__(self, address: str, block_bytes: int) -> None:
        """`address` is abfss://container@account.dfs.core.windows.net/path. Raises WeightsError."""
        parts = ADDRESS.fullmatch(address)
        if parts is None:
            raise WeightsError(
                [f"{address}: is not of the form abfss://container@account.dfs.core.windows.net/path"]
            )
        container, account, self._path = parts.groups()
        self.block_bytes = block_bytes
        settings: dict[str, Any] = {"read_timeout": PATIENCE_S, "max_chunk_get_size": PART_BYTES}
        if connection := os.environ.get(CONNECTION):
            service = BlobServiceClient.from_connection_string(connection, **settings)
        else:
            # Of the pod: a token of its service account, changed for one of Entra.
            credential = DefaultAzureCredential()
            service = BlobServiceClient(
                f"https://{account}.blob.core.windows.net", credential=credential, **settings
            )
        self._container = service.get_container_client(container)

    def told(self, file: SourceFile) -> dict[str, str]:
        """What was noted of a file whose blocks are all in place: `wanted`, its digest at the source, and
        `sha256`, once it was read back and found right. Nothing where another file lies there, or none.
        """
        found = self._properties(file.path)
        same = found and found.size == file.size and found.metadata.get("wanted") == file.digest
        return found.metadata if same else {}

    def accepted(self, path: str, size: int) -> str | None:
        """SHA-256 of a file of this size that was read back and found right."""
        found = self._properties(path)
        return found.metadata.get("sha256") if found and found.size == size else None

    def staged(self, file: SourceFile) -> set[int]:
        """Numbers of its blocks that the storage has received whole, and keeps for a week."""
        try:
            _, blocks = self._blob(file.path).get_block_list("uncommitted")
        except ResourceNotFoundError:
            return set()
        numbers = {self._id(file, number): number for number in range(self.blocks(file))}
        return {
            numbers[block.id]
            for block in blocks
            if block.id in numbers and block.size == self._length(file, numbers[block.id])
        }

    def blocks(self, file: SourceFile) -> int:
        """Of how many blocks a file is made."""
        return -(-file.size // self.block_bytes)

    def span(self, file: SourceFile, number: int) -> tuple[int, int]:
        """Where a block begins, and where it ends."""
        start = number * self.block_bytes
        return start, start + self._length(file, number)

    def stage(self, file: SourceFile, number: int, content: bytes) -> None:
        """Send a block. The storage refuses one that arrives otherwise than it was sent."""
        self._blob(file.path).stage_block(self._id(file, number), content, validate_content=True)

    def commit(self, file: SourceFile) -> None:
        """Make a file of its blocks, in place of whatever lay there."""
        blocks = [BlobBlock(self._id(file, number)) for number in range(self.blocks(file))]
        self._blob(file.path).commit_block_list(blocks, metadata={"wanted": file.digest})

    def accept(self, file: SourceFile, sha256: str) -> None:
        """Note that a file was read back and is what its source says."""
        self._blob(file.path).set_blob_metadata({"wanted": file.digest, "sha256": sha256})

    def read(self, path: str) -> Iterator[bytes]:
        """The content of a file. Raises ResourceNotFoundError."""
        return self._blob(path).download_blob().chunks()

    def size(self, path: str) -> int | None:
        """Size of a file; None where there is none."""
        found = self._properties(path)
        return found.size if found else None

    def remove(self, path: str) -> None:
        """Take a file away, if it is there."""
        with contextlib.suppress(ResourceNotFoundError):
            self._blob(path).delete_blob()

    def manifest(self) -> dict[str, Any] | None:
        """What the folder says of itself; None where it is not complete."""
        try:
            return json.loads(b"".join(self.read(MANIFEST)))
        except ResourceNotFoundError:
            return None

    def complete(self, manifest: dict[str, Any]) -> None:
        """Say that everything is here."""
        self._blob(MANIFEST).upload_blob(json.dumps(manifest, indent=1).encode(), overwrite=True)

    def _blob(self, path: str) -> BlobClient:
        return self._container.get_blob_client(f"{self._path}/{path}")

    def _properties(self, path: str) -> Any:
        try:
            return self._blob(path).get_blob_properties()
        except ResourceNotFoundError:
            return None

    def _length(self, file: SourceFile, number: int) -> int:
        return min(self.block_bytes, file.size - number * self.block_bytes)

    @staticmethod
    def _id(file: SourceFile, number: int) -> str:
        """Says of which content it is a part, so that a block of another is never taken for it."""
        return f"{file.digest[:32]}-{number:06d}"
