"""Where a checkpoint or an adapter comes from: its files, and what each must be to the last bit."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

SUMS = "SHA256SUMS"
"""Beside the files of a folder, as `sha256sum` writes it: what each of them must be."""
HUB = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
"""A repository of the hub at one commit. A branch moves, and half of one state is no checkpoint."""
TWICE = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.gguf", "*.onnx", "original/*", "onnx/*")
"""Left out where there are safetensors: the same weights in forms that vLLM would not read beside them."""
PART_BYTES = 4 * 1024**2


class WeightsError(Exception):
    """Everything that is wrong with a copy, a line each."""

    def __init__(self, faults: Iterable[str]) -> None:
        """`faults` are told together."""
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Digests:
    """What a content hashes to, in both ways in which a hub tells it."""

    sha256: str
    git: str
    """SHA-1 of git, of which the hub tells for small files."""

    @classmethod
    def of(cls, parts: Iterable[bytes], size: int) -> "Digests":
        """Digests of a content of `size` bytes."""
        sha256 = hashlib.sha256()
        git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        for part in parts:
            sha256.update(part)
            git.update(part)
        return cls(sha256.hexdigest(), git.hexdigest())

    def of_kind(self, kind: str) -> str:
        """One of them, `sha256` or `git`."""
        return self.git if kind == "git" else self.sha256


@dataclass(frozen=True)
class SourceFile:
    """A file as its source describes it."""

    path: str
    size: int
    kind: str
    """What its digest is: `sha256`, or `git` for git's SHA-1 of a small file."""
    digest: str


class Source(Protocol):
    """A repository or a folder."""

    name: str
    """As it stands in the manifest."""
    pinned: bool
    """Whether it is the same for ever."""

    def files(self) -> list[SourceFile]:
        """All of its files; raises WeightsError with everything that is wrong with them."""
        ...

    def read(self, file: SourceFile, start: int, end: int) -> bytes:
        """Bytes of a file, from `start` to before `end`."""
        ...


class Hub:
    """A repository of the Hugging Face hub at one commit, read in ranges: nothing is put on a disk."""

    pinned = True

    def __init__(self, repository: str, commit: str, token: str | None = None) -> None:
        """With a token for a gated repository; without, the hub's client looks for one of its own."""
        self.name = f"{repository}@{commit}"
        self._repository, self._commit = repository, commit
        self._api = HfApi(token=token)
        self._read = HfFileSystem(token=token)

    def files(self) -> list[SourceFile]:
        """What the hub says of the commit."""
        with self._refusals():
            found = self._api.model_info(self._repository, revision=self._commit, files_metadata=True)
        files = [
            SourceFile(each.rfilename, each.lfs.size, "sha256", each.lfs.sha256)
            if each.lfs
            else SourceFile(each.rfilename, each.size or 0, "git", each.blob_id or "")
            for each in found.siblings or ()
        ]
        return list(_needed(files))

    def read(self, file: SourceFile, start: int, end: int) -> bytes:
        """As in `Source`; the hub's client asks again where the network fails."""
        with self._refusals():
            return self._read.cat_file(
                f"{self._repository}/{file.path}",
                start=start,
                end=end,
                revision=self._commit,
                cache_type="none",
                block_size=end - start,
            )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the hub's client raises for what the hub refuses, as WeightsError."""
        try:
            yield
        except GatedRepoError as error:
            told = "is gated, and the token, if there is one, is of nobody who agreed; see docs/weights.md"
            raise WeightsError([f"{self.name}: {told}"]) from error
        except RevisionNotFoundError as error:
            raise WeightsError([f"{self.name}: the repository has no such commit"]) from error
        except RepositoryNotFoundError as error:
            told = "is not on the hub, or cannot be seen without a token"
            raise WeightsError([f"{self.name}: {told}"]) from error


class Folder:
    """A folder with a file `SHA256SUMS` that lists every other file in it."""

    pinned = False

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.name = f"folder {path.name}"
        self._path = path

    def files(self) -> list[SourceFile]:
        """What stands in SHA256SUMS, held against what lies there."""
        listing = self._path / SUMS
        if not listing.is_file():
            raise WeightsError(
                [
                    f"{listing}: is missing; it is made, in that folder, by: "
                    f"find . -type f ! -name {SUMS} | xargs sha256sum > {SUMS}"
                ]
            )
        sums = dict(_lines(listing))
        there = {
            each.relative_to(self._path).as_posix(): each.stat().st_size
            for each in self._path.rglob("*")
            if each.is_file() and each != listing
        }
        faults = [f"{path}: is not in {SUMS}" for path in sorted(there.keys() - sums.keys())]
        faults += [
            f"{path}: is in {SUMS}, and not in the folder" for path in sorted(sums.keys() - there.keys())
        ]
        if faults:
            raise WeightsError(faults)
        return [SourceFile(path, there[path], "sha256", digest) for path, digest in sorted(sums.items())]

    def read(self, file: SourceFile, start: int, end: int) -> bytes:
        """As in `Source`."""
        with (self._path / file.path).open("rb") as content:
            content.seek(start)
            return content.read(end - start)


def source(text: str, token: str | None = None) -> Source:
    """A source as it is written: `owner/name@commit`, or a folder. Raises WeightsError."""
    if found := HUB.fullmatch(text):
        return Hub(found[1], found[2], token)
    if Path(text).is_dir():
        return Folder(Path(text))
    raise WeightsError([f"{text}: is neither a folder nor owner/name@commit with the 40 digits of a commit"])


def _lines(listing: Path) -> Iterator[tuple[str, str]]:
    for line in listing.read_text().splitlines():
        digest, _, path = line.partition(" ")
        yield path.lstrip(" *").removeprefix("./"), digest


def _needed(files: list[SourceFile]) -> Iterator[SourceFile]:
    whole = any(file.path.endswith(".safetensors") for file in files)
    for file in files:
        twice = whole and any(fnmatch(file.path, pattern) for pattern in TWICE)
        if not (twice or file.path == ".gitattributes"):
            yield file
