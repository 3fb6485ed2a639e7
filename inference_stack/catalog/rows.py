"""The rows of the catalog: what is known of sizes, GPUs and slices, each with source and date."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
        default=None,
        description="NVLink of a GPU to others of its node, GB/s in both directions together; None: PCIe.",
    )
    nvlink_domain_gpus: int | None = Field(
        default=None, description="GPUs that NVLink joins across nodes; None where it ends with the node."
    )
    infiniband: str | None = Field(default=None, description="Links out of the node.")
    scale_out_gb_s: float | None = Field(
        default=None,
        description="InfiniBand out of the node for each GPU, GB/s in one direction; None if none.",
    )
    nic_gbit_s: float | None = Field(default=None, description="Ethernet of the node, Gbit/s.")
    temp_disk_gib: int | None = None
    nvme_gib: int | None = Field(
        default=None, description="Local NVMe; of NC H100 v5 it is the temporary disk."
    )
    quota_family: str = Field(description="Azure's name; its case and spaces vary between services.")
    aks_mig: bool = Field(default=False, description="Whether AKS cuts the GPUs of this size.")
    autoscaler_knows_gpus: bool = Field(
        default=False, description="Whether the cluster autoscaler knows the GPU count of an empty pool."
    )
    new_capacity: bool = Field(
        default=True,
        description="Whether Azure still adds nodes of this size; without, plan for existing ones.",
    )
    capacity_note: str | None = Field(default=None, description="Why new capacity is in doubt.")
    usd_per_hour: float | None = Field(default=None, description="List price on Linux, pay as you go.")
    price_region: str | None = None
    price_source: str | None = None
    price_date: date | None = None
    price_verified: bool = Field(description="False where the price is old or nobody could confirm it.")
    spot_usd_per_hour: float | None = Field(
        default=None, description="Spot price that somebody saw; it moves, and nobody could confirm it."
    )
    spot_region: str | None = None
    spot_source: str | None = None
    spot_date: date | None = None
    reserved_1y_usd_per_hour: float | None = Field(
        default=None, description="Reserved for one year, in the region of the list price."
    )
    reserved_3y_usd_per_hour: float | None = Field(default=None, description="Reserved for three years.")
    reserved_source: str | None = None
    reserved_date: date | None = None
    priced_regions: int | None = Field(
        default=None,
        description="Regions with a list price on 2026-06-18. A price is no promise of capacity.",
    )
    regions: str | None = Field(
        default=None,
        description="Those regions by name, separated by spaces; None where only their number is known.",
    )


class Gpu(Row):
    """A GPU model. Those without a size of Azure's are there so that public measurements can be read."""

    name: str
    architecture: Literal["Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell"]
    compute_capability: str = Field(description="CUDA's version of the architecture: 9.0 for Hopper.")
    memory_gib: float = Field(description="Total memory that torch sees, GiB; less than nvidia-smi shows.")
    bandwidth_tb_s: float = Field(description="Memory bandwidth, TB/s.")
    bf16_tflops: float = Field(description="Dense peak rate; of Volta and Turing, which lack bf16, of fp16.")
    fp8_tflops: float | None = Field(description="Dense peak rate; None where the GPU has no fp8.")
    fp4_tflops: float | None = Field(description="Dense peak rate; None where the GPU has no fp4.")
    int8_tops: float | None = Field(description="Dense peak rate.")
    sm: int = Field(description="Streaming multiprocessors.")
    link_gb_s: float | None = Field(
        description="NVLink to the other GPUs of a usual node, GB/s in both directions together; None: PCIe. "
        "A bridge between two cards belongs to the size that has one."
    )
    pcie_gb_s: float = Field(description="PCIe, GB/s in one direction.")
    tdp_w: int = Field(description="Power limit as shipped, W.")
    ray_type: str | None = Field(description="Ray's accelerator type; None where Ray has none.")
    verified: bool

    @property
    def capability(self) -> tuple[int, int]:
        """Major and minor number of its compute capability."""
        major, _, minor = self.compute_capability.partition(".")
        return int(major), int(minor)


class MigRow(Row):
    """One way to cut a GPU. AKS cuts all GPUs of a pool alike; NVIDIA also lets unequal slices share one."""

    gpu: str
    aks_profile: str = Field(
        description="AKS's gpuInstanceProfile, for example MIG2g; empty for a slice that AKS does not offer."
    )
    profile: str = Field(description="NVIDIA's name, for example 2g.24gb.")
    per_gpu: int = Field(description="Slices that one GPU gives when it is cut alike.")
    compute_slices: int = Field(description="Of the seven compute slices of a GPU.")
    memory_eighths: int = Field(description="Of the eight memory slices of a GPU, bandwidth included.")
    start_slots: tuple[int, ...] = Field(
        description="Memory slices that it may start at; it covers `memory_eighths` from there. "
        "Source: nvidia-smi mig -lgipp."
    )
    memory_gib: float = Field(description="Memory of one slice as the driver reports it, GiB.")
    sm: int = Field(description="Streaming multiprocessors of one slice.")
    verified: bool

    @field_validator("aks_profile", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return "" if value is None else value

    @field_validator("start_slots", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value


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


class Region(Row):
    """A region of Azure's public cloud."""

    name: str = Field(description="Programmatic name, for example swedencentral.")
    zones: int = Field(description="Availability zones; a service may offer fewer.", ge=0)
    restricted: bool = Field(description="Whether Azure gives access on request only.")


class KubernetesVersion(Row):
    """A minor version of Kubernetes that AKS offers."""

    minor: str = Field(description="For example 1.35.")
    patch: str = Field(description="Its newest patch.")
    lts_only: bool = Field(description="Whether only clusters on long-term support still get it.")
    ends: date = Field(
        description="Last day of support, of long-term support with `lts_only`; AKS names the month alone."
    )
