"""Small models in the cache of a hub, each found under the id of the large one that it stands for.

Whoever runs with `HF_HUB_CACHE` at the cache and `HF_HUB_OFFLINE=1` finds there what was put there.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from inference_stack.catalog import CATALOG, ModelRow

LAST_WRITTEN = "model.safetensors"
_MAKER = Path(__file__).with_name("small_model.py")


class NoSmallModelError(Exception):
    """A model that nothing small can stand for, and why."""


def provide(source: str, cache: Path) -> None:
    """Have a small model in the cache for a model of the catalog. Raises NoSmallModelError."""
    row = CATALOG.model(source)
    if row is None:
        raise NoSmallModelError(f"{source} is not in the catalog, so that its architecture is not known here")
    if (snapshot(source, row, cache) / LAST_WRITTEN).exists():
        return
    made = subprocess.run(
        [sys.executable, "-m", "localcloud.sim_gpu.small_model", source, str(cache)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NoSmallModelError(made.stderr.strip().rpartition("\n")[2])


def snapshot(source: str, row: ModelRow, cache: Path) -> Path:
    """Where the cache has the files of a model; the place is made, and named as its current revision.

    Another architecture, or another way to make it small, is another revision.
    """
    revision = hashlib.sha1(
        json.dumps(row.fields).encode() + _MAKER.read_bytes(), usedforsecurity=False
    ).hexdigest()
    root = cache / f"models--{source.replace('/', '--')}"
    folder = root / "snapshots" / revision
    folder.mkdir(parents=True, exist_ok=True)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text(revision)
    return folder
