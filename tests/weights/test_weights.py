"""The job that brings weights into Blob storage, as its pod runs it, against a real Blob endpoint."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.weights.azurite import Azurite
from tests.weights.conftest import Made

BLOCK_MIB = 0.25
BLOCK = int(BLOCK_MIB * 1024**2)
BLOCKS = 160
WEIGHTS = random.Random(1).randbytes(BLOCKS * BLOCK - 1000)  # noqa: S311 - the same each time
CHECKPOINT = {"config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS, "empty.txt": b""}


def starting(blob: Azurite, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "serving.weights", *arguments, "--block-mib", str(BLOCK_MIB)],
        env=blob.job_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(blob: Azurite, *arguments: str) -> tuple[int, str]:
    process = starting(blob, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def names(blob: Azurite, path: str) -> set[str]:
    return {
        name.removeprefix(f"{path}/") for name in blob.weights.list_blob_names(name_starts_with=f"{path}/")
    }


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_killed_copy_goes_on_and_sends_no_block_twice_that_had_arrived(blob: Azurite, folder: Made) -> None:
    source, target = str(folder(CHECKPOINT)), blob.address("killed")
    process = starting(blob, "copy", source, target)
    until = time.monotonic() + 120
    while len(blob.blocks_received("killed")) < BLOCKS // 4:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
    process.kill()
    process.communicate()
    arrived = blob.blocks_received("killed")
    assert BLOCKS // 4 <= len(arrived) < BLOCKS
    assert "manifest.json" not in names(blob, "killed")
    assert run(blob, "verify", target)[0] == 1

    status, said = run(blob, "copy", source, target)
    assert status == 0, said
    received = blob.blocks_received("killed")
    # Its log may lack what it was taking when the process was killed: eight blocks at most.
    assert len(received) - len(set(received)) <= 8
    assert len(set(received)) == BLOCKS + 1
    assert len(received[len(arrived) :]) <= BLOCKS + 1 - len(arrived) + 8
    assert names(blob, "killed") == {*CHECKPOINT, "manifest.json"}
    assert b"".join(blob.weights.download_blob("killed/model.safetensors").chunks()) == WEIGHTS

    status, said = run(blob, "copy", source, target)
    assert (status, "nothing is sent" in said) == (0, True), said
    assert blob.blocks_received("killed") == received


def test_a_bit_that_flipped_at_the_source_is_refused_with_both_digests(blob: Azurite, folder: Made) -> None:
    source = folder(CHECKPOINT | {"model.safetensors": WEIGHTS[:BLOCK]})
    listed = {
        line.split("  ./")[1]: line.split()[0] for line in (source / "SHA256SUMS").read_text().splitlines()
    }
    for name in ("config.json", "model.safetensors"):
        flip(source / name)
    status, said = run(blob, "copy", str(source), blob.address("flipped"))
    assert status == 1
    for name in ("config.json", "model.safetensors"):
        assert f"{name}: wanted sha256 {listed[name]}, found " in said
    assert names(blob, "flipped") == {"empty.txt"}


def test_a_bit_that_flipped_in_the_storage_is_found_when_it_is_read_back(blob: Azurite, folder: Made) -> None:
    source, target = str(folder(CHECKPOINT | {"model.safetensors": WEIGHTS[:BLOCK]})), blob.address("rot")
    assert run(blob, "copy", source, target)[0] == 0
    status, said = run(blob, "verify", target)
    assert (status, "3 files are what the manifest says" in said) == (0, True), said
    blob.flip("rot/model.safetensors")
    blob.weights.delete_blob("rot/config.json")
    status, said = run(blob, "verify", target)
    assert status == 1
    assert "model.safetensors: wanted sha256 " in said
    assert "config.json: is missing" in said
    # As docs/weights.md has it: what is wrong is taken away, and brought once more.
    blob.weights.delete_blob("rot/model.safetensors")
    assert run(blob, "copy", source, target)[0] == 0
    assert run(blob, "verify", target)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("copy", "Qwen/Qwen3-8B@main", "abfss://weights@a12.dfs.core.windows.net/q"),
            "40 digits of a commit",
        ),
        (("copy", "nowhere", "https://a12.blob.core.windows.net/q"), "is not of the form abfss://"),
        (("verify", "abfss://weights@a12.dfs.core.windows.net/none"), "manifest.json: is missing"),
    ],
)
def test_what_cannot_be_copied_is_told(blob: Azurite, arguments: tuple[str, ...], told: str) -> None:
    status, said = run(blob, *arguments)
    assert (status, told in said) == (1, True), said


def test_a_folder_must_list_all_of_its_files_and_no_other(blob: Azurite, folder: Made) -> None:
    source = folder(CHECKPOINT)
    (source / "more.txt").write_text("unlisted")
    (source / "config.json").unlink()
    status, said = run(blob, "copy", str(source), blob.address("listed"))
    assert status == 1
    assert "more.txt: is not in SHA256SUMS" in said
    assert "config.json: is in SHA256SUMS, and not in the folder" in said
    assert names(blob, "listed") == set()
