"""What a named GPU, Azure size or MIG slice is to a process: memory, bandwidth, peak rates, link."""

import re
from dataclasses import replace

from inference_stack.catalog import CATALOG, Gpu, MigRow

from .replica import Silicon

EIGHTHS = 8
"""Memory slices of a GPU that can be cut; bandwidth goes with them."""


class SiliconError(ValueError):
    """A GPU, size or slice that the catalog does not have. The message names what it has."""


def silicon(
    gpu: str | None = None,
    *,
    sku: str | None = None,
    mig: str | None = None,
    total_gib: float | None = None,
) -> Silicon:
    """One unit of a GPU by any name that logs use for it, or of an Azure size; cut by a MIG profile if given.

    `mig` is NVIDIA's name (2g.24gb) or AKS's (MIG2g). `total_gib` overrides the catalog's memory with what a
    log saw. Raises SiliconError.
    """
    if sku is not None:
        row, link = _gpu_of(sku)
    elif gpu is not None:
        row = gpu_row(gpu)
        link = row.link_gb_s or _bridge(row)
    else:
        raise SiliconError("needs a GPU or a size: gpu or sku")
    unit = _whole(row, link)
    if mig is not None:
        unit = _cut(unit, row, _slice(row, mig))
    return unit if total_gib is None else replace(unit, memory_gib=total_gib)


def gpu_row(name: str) -> Gpu:
    """The catalog's GPU under the names that logs, drivers and clouds use. Raises SiliconError.

    The family has to match; form factor and memory narrow it down where the name states them. An H100 or
    A100 of unstated form is taken as SXM, the one that most logs mean.
    """
    exact = CATALOG.gpus.get(name)
    if exact is not None:
        return exact
    # What a log adds in brackets is about the log, not the card.
    words = set(_words(re.sub(r"\(.*?\)", " ", name)))
    found = [row for row in CATALOG.gpus.values() if _words(row.name)[0] in words]
    for narrows in (_form, _memory):
        wanted = narrows(words)
        found = [row for row in found if wanted is None or narrows(set(_words(row.name))) == wanted] or found
    found.sort(key=lambda row: (_form(set(_words(row.name))) != "SXM", -row.memory_gib))
    if found:
        return found[0]
    near = CATALOG.nearest(name, CATALOG.gpus)
    raise SiliconError(f"GPU {name!r} is not in the catalog; {_offer(near or tuple(CATALOG.gpus))}")


def _words(name: str) -> list[str]:
    words = re.split(r"[^A-Z0-9]+", name.upper().replace("RTX", " "))
    return [word for word in words if word and word not in ("NVIDIA", "GEFORCE", "TESLA")]


def _form(words: set[str]) -> str | None:
    if words & {"SXM", "SXM2", "SXM4", "SXM5", "HBM3", "HBM3E"}:
        return "SXM"
    return next((form for form in ("PCIE", "NVL") if form in words), None)


def _memory(words: set[str]) -> str | None:
    return next((word for word in sorted(words) if re.fullmatch(r"\d+GB?", word)), None)


def _gpu_of(sku: str) -> tuple[Gpu, float | None]:
    size = CATALOG.skus.get(sku)
    if size is None:
        raise SiliconError(
            f"size {sku!r} is not in the catalog; {_offer(CATALOG.nearest(sku, CATALOG.skus))}"
        )
    if size.gpu is None:
        raise SiliconError(f"size {sku} has no GPU")
    return CATALOG.gpus[size.gpu], size.nvlink_gb_s


def _bridge(row: Gpu) -> float | None:
    """NVLink between cards of a kind that need a bridge, where a size has one."""
    links = [size.nvlink_gb_s for size in CATALOG.skus.values() if size.gpu == row.name]
    return max((link for link in links if link), default=None)


def _whole(row: Gpu, link_gb_s: float | None) -> Silicon:
    return Silicon(
        gpu=row.name,
        generation=row.architecture,
        memory_gib=row.memory_gib,
        bandwidth_tb_s=row.bandwidth_tb_s,
        bf16_tflops=row.bf16_tflops,
        fp8_tflops=row.fp8_tflops,
        fp4_tflops=row.fp4_tflops,
        link_gb_s=link_gb_s,
        multiprocessors=row.sm,
    )


def _slice(row: Gpu, mig: str) -> MigRow:
    sizes = [size.name for size in CATALOG.skus.values() if size.gpu == row.name]
    slices = {cut.profile: cut for size in sizes for cut in CATALOG.profiles(size)}
    for cut in slices.values():
        if mig.lower() in (cut.profile, cut.aks_profile.lower()):
            return cut
    raise SiliconError(f"{row.name} is not cut into {mig!r}; {_offer(tuple(slices))}")


def _cut(unit: Silicon, row: Gpu, cut: MigRow) -> Silicon:
    """Rates go with the multiprocessors, bandwidth with the memory: 3g has 4/8 of the bandwidth, not 3/7."""
    share = cut.sm / row.sm
    return replace(
        unit,
        memory_gib=cut.memory_gib,
        bandwidth_tb_s=unit.bandwidth_tb_s * cut.memory_eighths / EIGHTHS,
        bf16_tflops=unit.bf16_tflops * share,
        fp8_tflops=unit.fp8_tflops and unit.fp8_tflops * share,
        fp4_tflops=unit.fp4_tflops and unit.fp4_tflops * share,
        # Tensor parallel never spans slices.
        link_gb_s=None,
        profile=cut.profile,
        share=share,
        multiprocessors=cut.sm,
    )


def _offer(names: tuple[str, ...]) -> str:
    return f"it has {', '.join(names)}" if names else "it has none"
