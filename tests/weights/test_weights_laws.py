"""The law of the manifest: it is there if, and only if, every file was read back and found right."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.weights import copy
from serving.weights_source import SourceFile, WeightsError
from serving.weights_store import BlobFolder
from tests.weights.azurite import Azurite

BLOCK = 100
FAULTS = ("flipped", "cut off", "lost")
FOLDERS = count()
NAMES = st.sampled_from(["a.safetensors", "b.safetensors", "c.json", "d/e.json"])
CHECKPOINTS = st.dictionaries(NAMES, st.binary(min_size=1, max_size=350), min_size=1)
FAULTY = st.dictionaries(NAMES, st.sampled_from(FAULTS))


class Unreliable:
    """A source whose files arrive as they are, or otherwise."""

    name, pinned = "unreliable", False

    def __init__(self, contents: Mapping[str, bytes], faults: Mapping[str, str]) -> None:
        self._contents, self._faults = contents, faults

    def files(self) -> list[SourceFile]:
        return [
            SourceFile(path, len(content), "sha256", hashlib.sha256(content).hexdigest())
            for path, content in self._contents.items()
        ]

    def read(self, file: SourceFile, start: int, end: int) -> bytes:
        content = bytearray(self._contents[file.path])
        fault = self._faults.get(file.path)
        if fault == "lost":
            raise OSError("the connection was lost")
        if fault == "flipped":
            content[-1] ^= 1
        return bytes(content[start : end - (fault == "cut off")])


@pytest.fixture(scope="module")
def reached(blob: Azurite) -> Iterator[Azurite]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in blob.variables.items():
            patched.setenv(name, value)
        yield blob


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHECKPOINTS, FAULTY, FAULTY)
def test_there_is_a_manifest_if_and_only_if_every_file_is_there_and_right(
    reached: Azurite, contents: dict[str, bytes], first: dict[str, str], second: dict[str, str]
) -> None:
    path = f"law-{next(FOLDERS)}"
    folder = BlobFolder(reached.address(path), BLOCK)
    right: set[str] = set()
    # Twice: what the first run left, the second takes up; whatever was found right stays right.
    for faults in (first, second):
        wrong = {name for name in contents if name in faults} - right
        right |= contents.keys() - wrong
        try:
            copy(Unreliable(contents, faults), folder, lambda _: None)
            told: tuple[str, ...] = ()
        except WeightsError as refused:
            told = refused.faults
        assert {fault.partition(":")[0] for fault in told} == wrong
        manifest = folder.manifest()
        assert (manifest is None) == bool(wrong)
        if manifest:
            assert {
                each["path"]: b"".join(folder.read(each["path"])) for each in manifest["files"]
            } == contents
