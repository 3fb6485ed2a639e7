"""The rows of the catalog: what is known of sizes, GPUs and slices, each with source and date."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Arch = Literal["amd64", "arm64"]


class Row(BaseModel):
    """One line of a data file. A cell that nobody could verify says so in `verified` and in `source`."""

    # A command reads few of the files: build the checks of a row when its file is read.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    source: str = Field(description="Where the row comes from.")
    # A field of this very name would hide the type from the fields of derived classes.
    seen: date = Field(alias="date", description="Day on which the source was read.")


class Sku(Row):
    """An Azure virtual machine size."""

    name: str = Field(description="ARM name, for example Standard_NC40ads_H100_v5.")
    vcpu: int
    memory_gib: int
    arch: Arch = Field(description="Architecture of images that run on it.")
    gpu: str | None = Field(default=None, description="Name of a row of gpus.csv; None without GPUs.")
    gpus: int = 0
    nvlink_gb_s: int | None = Field(
        default=None, description="Between two GPUs of a node, GB/s; None if none."
    )
    infiniband: str | None = Field(default=None, description="Links out of the node.")
    temp_disk_gib: int | None = None
    quota_family: str = Field(description="Azure's name; its case and spaces vary between services.")
    aks_mig: bool = Field(default=False, description="Whether AKS cuts the GPUs of this size.")
    autoscaler_knows_gpus: bool = Field(
        default=False, description="Whether the cluster autoscaler knows the GPU count of an empty pool."
    )
    usd_per_hour: float | None = Field(default=None, description="List price on Linux, pay as you go.")
    price_region: str | None = None
    price_source: str | None = None
    price_date: date | None = None
    price_verified: bool = Field(description="False where the price is old or nobody could confirm it.")


class Gpu(Row):
    """A GPU model as Azure rents it."""

    name: str
    architecture: Literal["Ampere", "Hopper", "Blackwell"]
    memory_gib: float = Field(description="Total memory that torch sees, GiB; less than nvidia-smi shows.")
    bandwidth_tb_s: float = Field(description="Memory bandwidth, TB/s.")
    bf16_tflops: float | None = Field(description="Dense peak rate.")
    fp8_tflops: float | None = Field(description="Dense peak rate; None where the GPU has no fp8.")
    sm: int | None = Field(description="Streaming multiprocessors.")
    ray_type: str | None = Field(description="Ray's accelerator type; None where Ray has none.")
    verified: bool


class MigRow(Row):
    """One way in which AKS cuts a GPU."""

    gpu: str
    aks_profile: str = Field(description="AKS's gpuInstanceProfile, for example MIG2g.")
    profile: str = Field(description="NVIDIA's name, for example 2g.24gb.")
    per_gpu: int = Field(description="Slices that one GPU gives.")
    compute_slices: int = Field(description="Of the seven compute slices of a GPU.")
    memory_eighths: int = Field(description="Of the eight memory slices of a GPU, bandwidth included.")
    memory_gib: float = Field(description="Memory of one slice as the driver reports it, GiB.")
    sm: int = Field(description="Streaming multiprocessors of one slice.")
    verified: bool


class CpuReservation(Row):
    """CPU that AKS keeps back for the kubelet on a node of this many cores."""

    vcpu: int
    cpu_millicores: int


class StartupStep(Row):
    """A step from no node to the first token: how long it takes, or how fast it goes."""

    step: str
    unit: Literal["s", "GiB/s"]
    low: float
    typical: float
    high: float
    verified: bool
