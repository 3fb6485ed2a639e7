"""The virtual machine sizes on offer, from ``tables/vm_series.csv`` and ``tables/vm_gpu.csv``."""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

_TABLES = Path(__file__).parent / "tables"


class VmSize(BaseModel):
    """One size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """As Azure writes it, such as ``Standard_D4ds_v5``."""
    vcpu: int
    memory_gib: float
    local_gib: float
    """Cache or temporary disk, whichever can hold an ephemeral OS disk; 0 if none."""
    family: str
    """Quota family; compare without regard to case and spaces."""
    gpus: int = 0
    gpu: str | None = None
    mig: bool = False
    """AKS can cut its GPUs into instances."""
    arch: Literal["x64", "arm64"]
    system_pool: bool = True
    """AKS takes it for a System pool."""


@cache
def vm_sizes() -> dict[str, VmSize]:
    """Every size by its lower-case name."""
    return {size.name.lower(): size for size in [*_series(), *_gpus()]}


def vm_size(name: str) -> VmSize | None:
    """A size by name, whatever its case; None if it is not offered."""
    return vm_sizes().get(name.lower())


def _series() -> Iterator[VmSize]:
    for row in _rows("vm_series.csv"):
        for vcpu in map(int, row["vcpus"].split()):
            yield VmSize(
                name=row["pattern"].format(n=vcpu),
                vcpu=vcpu,
                memory_gib=vcpu * float(row["gib_per_vcpu"]),
                local_gib=vcpu * float(row["local_gib_per_vcpu"]),
                family=row["family"],
                arch=row["arch"],  # pyright: ignore[reportArgumentType] - checked by the model
                system_pool=row["system_pool"] == "yes",
            )


def _gpus() -> Iterator[VmSize]:
    for row in _rows("vm_gpu.csv"):
        yield VmSize(
            name=row["size"],
            vcpu=int(row["vcpu"]),
            memory_gib=float(row["memory_gib"]),
            local_gib=float(row["local_gib"]),
            family=row["family"],
            gpus=int(row["gpus"]),
            gpu=row["gpu"],
            mig=row["mig"] == "yes",
            arch=row["arch"],  # pyright: ignore[reportArgumentType] - checked by the model
        )


def _rows(file: str) -> list[dict[str, str]]:
    with (_TABLES / file).open(newline="") as lines:
        return list(csv.DictReader(lines))
