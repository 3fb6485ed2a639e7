"""The rows of the catalog: what is known of sizes, GPUs, slices and models, each with source and date."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Arch = Literal["amd64", "arm64"]


class Row(BaseModel):
    """One line of a data file. A cell that nobody could verify says so in `verified` and in `source`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class ModelRow(Row):
    """A checkpoint: architecture as in its config.json, licence and origin."""

    id: str = Field(description="Id on the model hub.")
    params: int = Field(description="All parameters of the text model.")
    active_params: int = Field(description="Parameters that one token uses.")
    weights_dtype: Literal["bf16", "fp8", "mxfp4"] = Field(description="How the checkpoint is published.")
    weights_gib: float = Field(description="Weights as published and loaded, GiB.")
    licence: str = Field(description="Licence id of the hub.")
    origin: str = Field(description="Country of the publisher, ISO 3166.")
    gated: bool | None = Field(description="Whether the hub asks for consent; None if unknown.")
    max_position_embeddings: int = Field(description="Longest context, tokens.")
    layers: int
    hidden_size: int
    intermediate_size: int = Field(description="Width of the feed-forward part, or as config.json says.")
    vocab_size: int
    heads: int = Field(description="Attention heads.")
    kv_heads: int = Field(description="Key and value heads; equal to `heads` without grouping.")
    head_dim: int
    v_head_dim: int | None = Field(description="Width of a value head where it differs from `head_dim`.")
    tied_embeddings: bool
    qkv_bias: bool
    qk_norm: bool
    norms: int | None = Field(description="Norms in a layer where they are not two.")
    sliding_window: int | None = Field(description="Window of the layers that have one, tokens.")
    attention_chunk: int | None = Field(description="Chunk of the layers with chunked attention, tokens.")
    experts: int | None = Field(description="Routed experts in a layer; None for a dense model.")
    experts_per_token: int | None
    moe_intermediate_size: int | None
    shared_intermediate_size: int | None
    dense_layers: int | None = Field(description="Layers without experts in a mixture of experts.")
    dense_intermediate_size: int | None
    kv_lora_rank: int | None = Field(description="Latent width of multi-head latent attention; None without.")
    q_lora_rank: int | None
    qk_nope_head_dim: int | None
    qk_rope_head_dim: int | None
    verified: bool


class CpuReservation(Row):
    """CPU that AKS keeps back for the kubelet on a node of this many cores."""

    vcpu: int
    cpu_millicores: int
