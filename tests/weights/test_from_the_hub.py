"""Checkpoints from a hub: the hub's own client, against a server that speaks the hub's interface."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.weights.azurite import Azurite
from tests.weights.hub import COMMIT, REPOSITORY, TOKEN, Hub, hub

WEIGHTS = random.Random(2).randbytes(700_000)  # noqa: S311 - the same each time
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": WEIGHTS,
    "tokenizer.json": WEIGHTS[:5000],
    "pytorch_model.bin": WEIGHTS,
    "original/params.json": b"{}",
    ".gitattributes": b"*.bin filter=lfs",
}
SERVED = {"config.json", "model.safetensors", "tokenizer.json"}


@pytest.fixture
def published() -> Iterator[Hub]:
    with hub(FILES) as running:
        yield running


def copy(blob: Azurite, published: Hub, path: str, commit: str = COMMIT, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "serving.weights", "copy", "--block-mib", "0.25"),
            *(f"{REPOSITORY}@{commit}", blob.address(path)),
        ],
        env={**blob.job_environment, "HF_ENDPOINT": published.address, "HF_HUB_OFFLINE": "0", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_a_commit_holds_is_copied_but_for_the_same_weights_in_other_forms(
    blob: Azurite, published: Hub
) -> None:
    status, said = copy(blob, published, "hub")
    assert status == 0, said
    there = {
        name.removeprefix("hub/"): name for name in blob.weights.list_blob_names(name_starts_with="hub/")
    }
    assert there.keys() == SERVED | {"manifest.json"}
    content = {path: blob.weights.download_blob(name).readall() for path, name in there.items()}
    manifest = json.loads(content.pop("manifest.json"))
    assert content == {path: FILES[path] for path in SERVED}
    assert manifest["source"] == f"{REPOSITORY}@{COMMIT}"
    assert {each["path"]: each["sha256"] for each in manifest["files"]} == {
        path: hashlib.sha256(FILES[path]).hexdigest() for path in SERVED
    }


def test_a_commit_that_is_there_is_not_asked_for_again(blob: Azurite, published: Hub) -> None:
    assert copy(blob, published, "again")[0] == 0
    status, said = copy(blob, published, "again", HF_ENDPOINT="http://127.0.0.1:1")
    assert (status, "nothing is sent" in said) == (0, True), said


def test_files_that_arrive_otherwise_than_the_hub_says_are_all_told(blob: Azurite, published: Hub) -> None:
    published.flipped = {"model.safetensors", "config.json"}
    status, said = copy(blob, published, "flipped-on-the-way")
    assert status == 1
    assert f"model.safetensors: wanted sha256 {hashlib.sha256(WEIGHTS).hexdigest()}, found " in said
    assert "config.json: wanted git " in said
    there = list(blob.weights.list_blob_names(name_starts_with="flipped-on-the-way/"))
    assert there == ["flipped-on-the-way/tokenizer.json"]
    published.flipped = set()
    assert copy(blob, published, "flipped-on-the-way")[0] == 0


def test_what_is_behind_consent_needs_a_token(blob: Azurite, published: Hub) -> None:
    published.gated = True
    status, said = copy(blob, published, "gated")
    assert status == 1
    assert said.count("is gated") == 1, said
    assert copy(blob, published, "gated", HF_TOKEN=TOKEN)[0] == 0


def test_a_commit_that_is_not_there_is_told(blob: Azurite, published: Hub) -> None:
    status, said = copy(blob, published, "nothing", commit="6" * 40)
    assert (status, "has no such commit" in said) == (1, True), said
