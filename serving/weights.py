"""Copies a checkpoint or an adapter into Azure's Blob storage, so that what is served is what was published.

`python -m serving.weights copy owner/name@commit abfss://weights@account.dfs.core.windows.net/folder`
`python -m serving.weights verify abfss://weights@account.dfs.core.windows.net/folder`

A file counts once it was read back out of the storage and found to be, to the last bit, what its source says.
When all count, a manifest is written. Whatever was sent before an interruption is not sent again.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential

from .weights_source import Digests, Source, SourceFile, WeightsError, source
from .weights_store import MANIFEST, BlobFolder

MIB, GIB = 1024**2, 1024**3
BLOCK_MIB = 64
"""A blob has at most 50,000 blocks: 3 TiB."""
PARALLEL = 8
TOLD_EVERY_S = 10.0
VAULT_SCOPE = "https://vault.azure.net/.default"


class Progress:
    """Says now and then how far a copy is, and how long the rest takes at this pace."""

    def __init__(self, total_bytes: int, say: Callable[[str], None]) -> None:
        """`total_bytes` are to be sent."""
        self._total, self._say = total_bytes, say
        self._done, self._kept = 0, 0
        self._started = self._told = time.monotonic()
        self._lock = threading.Lock()

    def keep(self, size: int) -> None:
        """These bytes lie in the storage already."""
        with self._lock:
            self._kept += size

    def add(self, size: int) -> None:
        """These bytes have been sent."""
        with self._lock:
            self._done += size
            now = time.monotonic()
            if now - self._told < TOLD_EVERY_S:
                return
            self._told = now
            rate = self._done / (now - self._started)
            left = self._total - self._kept - self._done
            self._say(
                f"{(self._kept + self._done) / GIB:.1f} of {self._total / GIB:.1f} GiB there, "
                f"{rate / MIB:.0f} MiB/s, about {left / rate / 60:.0f} min left"
            )

    def summary(self) -> str:
        """What was sent in all."""
        return f"{self._done} bytes sent, {self._kept} were there"


def copy(origin: Source, folder: BlobFolder, say: Callable[[str], None] = print) -> None:
    """Bring a source into a folder. Raises WeightsError with everything that went wrong."""
    if _is_complete(origin, folder):
        say(f"{origin.name} is there, and found right before: nothing is sent")
        return
    files = origin.files()
    # From here to the end nobody may take the folder for a checkpoint.
    folder.remove(MANIFEST)
    total = sum(file.size for file in files)
    say(f"{origin.name}: {len(files)} files, {total / GIB:.2f} GiB")
    progress = Progress(total, say)
    found: dict[str, str] = {}
    faults: list[str] = []
    for file in files:
        try:
            found[file.path] = _brought(origin, folder, file, progress)
        except WeightsError as wrong:
            faults += wrong.faults
        except (AzureError, OSError) as failure:
            faults.append(f"{file.path}: {failure}")
    if faults:
        raise WeightsError(faults)
    listed = [{"path": file.path, "size": file.size, "sha256": found[file.path]} for file in files]
    folder.complete({"source": origin.name, "files": listed})
    say(f"{origin.name} is there and right: {progress.summary()}")


def verify(folder: BlobFolder, say: Callable[[str], None] = print) -> None:
    """Read a folder back and hold it against its manifest. Raises WeightsError with all that is wrong."""
    manifest = folder.manifest()
    if manifest is None:
        raise WeightsError([f"{MANIFEST}: is missing: the folder is empty, or its copy has not ended"])
    faults = [fault for each in manifest["files"] for fault in _faults(folder, each)]
    if faults:
        raise WeightsError(faults)
    say(f"{manifest['source']}: {len(manifest['files'])} files are what the manifest says")


def _is_complete(origin: Source, folder: BlobFolder) -> bool:
    """Whether all is there. The hub is not asked: what a commit holds cannot change."""
    manifest = folder.manifest()
    if manifest is None or manifest["source"] != origin.name:
        return False
    listed = {each["path"]: each["sha256"] for each in manifest["files"]}
    if not origin.pinned and listed != {file.path: file.digest for file in origin.files()}:
        return False
    return all(folder.accepted(each["path"], each["size"]) == each["sha256"] for each in manifest["files"])


def _brought(origin: Source, folder: BlobFolder, file: SourceFile, progress: Progress) -> str:
    """SHA-256 of a file that is in the storage, and right."""
    if known := folder.told(file).get("sha256"):
        progress.keep(file.size)
        return known
    if folder.told(file):
        progress.keep(file.size)
    else:
        _send(origin, folder, file, progress)
    digests = Digests.of(folder.read(file.path), file.size)
    if (got := digests.of_kind(file.kind)) != file.digest:
        folder.remove(file.path)
        raise WeightsError([f"{file.path}: wanted {file.kind} {file.digest}, found {got}; it was removed"])
    folder.accept(file, digests.sha256)
    return digests.sha256


def _send(origin: Source, folder: BlobFolder, file: SourceFile, progress: Progress) -> None:
    staged = folder.staged(file)

    def send(number: int) -> None:
        start, end = folder.span(file, number)
        content = origin.read(file, start, end)
        if len(content) != end - start:
            raise WeightsError([f"{file.path}: ends at {start + len(content)} of {file.size} bytes"])
        folder.stage(file, number, content)
        progress.add(len(content))

    for number in staged:
        start, end = folder.span(file, number)
        progress.keep(end - start)
    with ThreadPoolExecutor(PARALLEL) as threads:
        sent = [threads.submit(send, number) for number in range(folder.blocks(file)) if number not in staged]
        try:
            for each in sent:
                each.result()
        finally:
            # Where one fails, the others would fail as well, each after many tries.
            threads.shutdown(cancel_futures=True)
    folder.commit(file)


def _faults(folder: BlobFolder, listed: dict[str, Any]) -> Iterator[str]:
    path, size = listed["path"], listed["size"]
    there = folder.size(path)
    if there is None:
        yield f"{path}: is missing"
    elif there != size:
        yield f"{path}: has {there} bytes, wanted {size}"
    elif (found := Digests.of(folder.read(path), size).sha256) != listed["sha256"]:
        yield f"{path}: wanted sha256 {listed['sha256']}, found {found}"


def secret(url: str) -> str:
    """A secret of a Key Vault, `https://<vault>.vault.azure.net/secrets/<name>`."""
    policies = [RetryPolicy(), BearerTokenCredentialPolicy(DefaultAzureCredential(), VAULT_SCOPE)]
    with PipelineClient(url, policies=policies) as client:
        answer = client.send_request(HttpRequest("GET", url, params={"api-version": "7.4"}))
        answer.raise_for_status()
        return answer.json()["value"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.weights", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    copying = commands.add_parser("copy", help="bring a checkpoint or an adapter into the storage")
    copying.add_argument("source", help="owner/name@commit on the hub, or a folder with SHA256SUMS")
    copying.add_argument("--token-secret", help="URL of a Key Vault's secret: a token for a gated repository")
    verifying = commands.add_parser("verify", help="read a folder back and hold it against its manifest")
    for command in (copying, verifying):
        command.add_argument("folder", help="abfss://container@account.dfs.core.windows.net/path")
        command.add_argument("--block-mib", type=float, default=BLOCK_MIB, help="size of a block")
    return parser.parse_args()


def main() -> None:
    """The command line."""
    asked = _arguments()

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        folder = BlobFolder(asked.folder, int(asked.block_mib * MIB))
        if asked.command == "verify":
            verify(folder, say)
        else:
            token = secret(asked.token_secret) if asked.token_secret else os.environ.get("HF_TOKEN")
            copy(source(asked.source, token), folder, say)
    except (WeightsError, AzureError, OSError) as wrong:
        sys.exit(f"{asked.folder} is not complete:\n{wrong}")


if __name__ == "__main__":
    main()
