"""Reads the data files and answers questions about them."""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from .age import Stale, stale
from .data_files import CatalogError, known, records, rows
from .model import ModelRow
from .rows import CpuReservation, Gpu, KubernetesVersion, MigRow, Region, Row, Sku, StartupStep
from .workload import EdgeFormat, Workload

MIB_PER_MB = 1_000_000 / 2**20


class Reservation(NamedTuple):
    """What AKS keeps back on a node, so that pods cannot have it."""

    cpu_millicores: int
    memory_gib: float


class Catalog:
    """Everything that is known. Files are read when first asked for; rows are immutable."""

    @cached_property
    def skus(self) -> Mapping[str, Sku]:
        """Azure sizes by name, those with GPUs first."""
        found = {row.name: row for file in ("gpu_skus", "cpu_skus") for row in rows(file, Sku)}
        known((row.gpu for row in found.values()), self.gpus, "gpu_skus.csv: gpu", "gpus.csv")
        return found

    @cached_property
    def gpus(self) -> Mapping[str, Gpu]:
        """GPU models by name."""
        return {row.name: row for row in rows("gpus", Gpu)}

    @cached_property
    def models(self) -> Mapping[str, ModelRow]:
        """Checkpoints by hub id."""
        found = {row.id: row for row in rows("models", ModelRow)}
        known((row.base for row in found.values()), found, "models.csv: base", "models.csv")
        return found

    @cached_property
    def workloads(self) -> Mapping[str, Workload]:
        """Classes of use by name."""
        found = {row.name: row for row in records("workloads", Workload)}
        for row in found.values():
            place = f"workloads.json, {row.name}: candidates"
            known((each.model for each in row.candidates), self.models, place, "models.csv")
            known((each.format for each in row.candidates), self.edge_formats, place, "edge_formats.csv")
        return found

    @cached_property
    def edge_formats(self) -> Mapping[str, EdgeFormat]:
        """Forms in which models are shipped to devices, by name."""
        return {row.name: row for row in rows("edge_formats", EdgeFormat)}

    @cached_property
    def startup(self) -> Mapping[str, StartupStep]:
        """Steps from no node to the first token, by name."""
        return {row.step: row for row in rows("startup", StartupStep)}

    @cached_property
    def regions(self) -> Mapping[str, Region]:
        """Regions of Azure's public cloud by name."""
        return {row.name: row for row in rows("regions", Region)}

    @cached_property
    def kubernetes_versions(self) -> Mapping[str, KubernetesVersion]:
        """Minor versions that AKS offers, oldest first."""
        return {row.minor: row for row in rows("kubernetes_versions", KubernetesVersion)}

    def kubernetes_version(self, version: str) -> KubernetesVersion | None:
        """The row of a minor version or a patch of it; None for one that AKS does not offer."""
        return self.kubernetes_versions.get(".".join(version.split(".")[:2]))

    def model(self, id_: str) -> ModelRow | None:
        """The checkpoint of an id in any case, or of an id that it had before; None if there is none."""
        return self.models.get(id_) or self._models_by_any_id.get(id_.lower())

    def with_models(self, further: Iterable[ModelRow]) -> "Catalog":
        """The same catalog with further checkpoints. Raises CatalogError for an id that it has already."""
        found = copy(self)
        added = {row.id: row for row in further}
        if twice := self.models.keys() & added.keys():
            raise CatalogError(f"{', '.join(sorted(twice))}: in models.csv already")
        vars(found).pop("_models_by_any_id", None)
        vars(found)["models"] = {**self.models, **added}
        return found

    def variants(self, id_: str) -> tuple[ModelRow, ...]:
        """A checkpoint and those quantized from the same one, best quality first; empty for an unknown id."""
        found = self.model(id_)
        if found is None:
            return ()
        original = found.base or found.id
        same = [row for row in self.models.values() if original in (row.id, row.base)]
        return tuple(sorted(same, key=lambda row: row.quality))

    def profiles(self, sku_name: str) -> tuple[MigRow, ...]:
        """How AKS cuts the GPUs of a size, smallest slice first; empty where it does not."""
        sku = self.skus.get(sku_name)
        if sku is None or not sku.aks_mig:
            return ()
        return tuple(row for row in self.slices(sku.gpu or "") if row.aks_profile)

    def slices(self, gpu: str) -> tuple[MigRow, ...]:
        """Every way in which a GPU may be cut, those that AKS does not offer included; smallest first."""
        return tuple(row for row in self._mig if row.gpu == gpu)

    def mig(self, sku_name: str, aks_profile: str) -> MigRow | None:
        """The slice that AKS makes of a size's GPUs under a profile such as MIG2g; None if it makes none."""
        return next((row for row in self.profiles(sku_name) if row.aks_profile == aks_profile), None)

    def stale(self, today: date) -> tuple[Stale, ...]:
        """Rows and prices whose source was last read more than 90 days before that day."""
        tables: tuple[tuple[str, Mapping[str, Row]], ...] = (
            ("skus", self.skus),
            ("gpus", self.gpus),
            ("models", self.models),
            ("workloads", self.workloads),
            ("edge_formats", self.edge_formats),
            ("startup", self.startup),
            ("regions", self.regions),
            ("kubernetes_versions", self.kubernetes_versions),
        )
        found = ((table, name, row) for table, named in tables for name, row in named.items())
        slices = (("mig", f"{row.profile} of {row.gpu}", row) for row in self._mig)
        return tuple(stale((*found, *slices), today))

    def reserved(self, sku: Sku, max_pods: int = 250) -> Reservation:
        """What AKS keeps back on a node of this size. 250 pods is its default with an overlay network.

        Source: AKS documentation, "Node resource reservations", from 1.29 on: the lesser of 20 MB a pod plus
        50 MB and a quarter of the memory, and 100 MiB below which the kubelet evicts. The table of cores ends
        at 64; beyond, its last slope is continued.
        """
        kube_mib = min((20 * max_pods + 50) * MIB_PER_MB, sku.memory_gib * 1024 / 4)
        return Reservation(self._reserved_millicores(sku.vcpu), (kube_mib + 100) / 1024)

    def nearest(self, asked: str, known: Iterable[str]) -> tuple[str, ...]:
        """Up to three known names that a mistyped one may have meant, best first. Case does not count."""
        from difflib import get_close_matches  # slow to import, and needed for a mistake only

        by_lower = {name.lower(): name for name in known}
        found = get_close_matches(asked.lower(), by_lower, n=3, cutoff=0.6)
        return tuple(by_lower[name] for name in found)

    @cached_property
    def _models_by_any_id(self) -> Mapping[str, ModelRow]:
        known = {name.lower(): row for row in self.models.values() for name in row.names}
        return known | {row.id.lower(): row for row in self.models.values()}

    @cached_property
    def _mig(self) -> tuple[MigRow, ...]:
        found = rows("mig", MigRow)
        known((row.gpu for row in found), self.gpus, "mig.csv: gpu", "gpus.csv")
        return tuple(sorted(found, key=lambda row: (row.compute_slices, row.memory_eighths)))

    @cached_property
    def _cpu_reservations(self) -> tuple[CpuReservation, ...]:
        return tuple(sorted(rows("node_reservation", CpuReservation), key=lambda row: row.vcpu))

    def _reserved_millicores(self, vcpu: int) -> int:
        steps = list(pairwise(self._cpu_reservations))
        below, above = next((step for step in steps if vcpu <= step[1].vcpu), steps[-1])
        slope = (above.cpu_millicores - below.cpu_millicores) / (above.vcpu - below.vcpu)
        return round(below.cpu_millicores + slope * (vcpu - below.vcpu))


CATALOG = Catalog()
