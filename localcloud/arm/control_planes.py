"""Where the control plane of an AKS cluster keeps its files: one folder each, with its kubeconfig in it."""

import hashlib
from pathlib import Path

EXISTING = "existing"
"""Folder of the folders of clusters that were there before the stack."""


def home(state: Path, cluster_id: str) -> Path:
    """The folder of the control plane that stands for a cluster.

    The cluster that a stack makes has the state folder itself. One that was there before has a folder of its
    own below it, which is made when the cluster is (see `localcloud.existing`).
    """
    own = existing_home(state, cluster_id)
    return own if own.is_dir() else state


def existing_home(state: Path, cluster_id: str) -> Path:
    """The folder of a cluster that was there before the stack, made or not."""
    digest = hashlib.sha256(cluster_id.lower().encode()).hexdigest()
    return state / EXISTING / f"{cluster_id.rpartition('/')[2].lower()}-{digest[:8]}"


def existing_homes(state: Path) -> list[Path]:
    """The folders of all clusters that were there before the stack."""
    return sorted((state / EXISTING).glob("*"))
