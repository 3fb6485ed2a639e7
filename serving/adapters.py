"""LoRA adapters of a replica: fetched when first asked for, checked, lent to the engine, and let go.

Ray Serve keeps a table of the adapters that a replica has, at most `max_num_adapters_per_replica`, and sends
requests where theirs is. Ray's own loader makes room in it before it looks whether there is such an adapter,
loads one after the other, never forgets what it has fetched, and keeps the adapters of all models of a
machine in one folder by their names alone. So here an adapter is whole and in the engine before it gets into
the table, and lives as long as the table or a request holds it.
"""

import asyncio
import contextlib
import logging
import re
import time
import weakref
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from ray.llm._internal.common.utils.cloud_utils import CloudFileSystem
from ray.llm._internal.serve.core.configs.llm_config import DiskMultiplexConfig

from . import errors
from .adapter_files import AdapterFilesError, Shape, base_shapes, check
from .errors import ToldError

logger = logging.getLogger("ray.serve")

T = TypeVar("T")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""Names of adapters. Without a slash, so that none leads out of the folder of the model's adapters."""
REMEMBERED_S = 10.0
"""How long a refusal is repeated without asking the store again: clients try again at once, and often."""
GRACE_S = 60.0
"""How long the files of an adapter outlive it: the engine ends its last request after its client has gone."""
FETCHES = 8
"""Adapters that are fetched at once; a store that hangs holds up no other thread of the replica."""
AGAIN_S = 1.0
"""Between two tries to fetch an adapter."""


def well_named(adapter: str) -> bool:
    """Whether an adapter can have such a name."""
    return NAME.fullmatch(adapter) is not None


class Adapter:
    """An adapter that the engine has, for as long as somebody holds this object."""

    def __init__(self, model: str, folder: TemporaryDirectory[str]) -> None:
        """`model` is what clients ask for, `base:adapter`; its files lie in `folder`."""
        self.model = model
        self.folder = folder

    @property
    def salt(self) -> str:
        """Of its entries in the prefix cache. vLLM knows them by the name alone, whatever the weights."""
        return Path(self.folder.name).name

    async def over(self, answer: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """An answer, with the adapter held to its end."""
        async for part in answer:
            yield part


class _Entry(DiskMultiplexConfig):
    """What stands in Ray's table; it holds its adapter until Ray drops it."""

    _adapter: Adapter | None = None


class Adapters:
    """The adapters of one replica; what Ray asks of its own loader, it can ask of this one."""

    def __init__(self, download_timeout_s: float | None, max_tries: int) -> None:
        """Called by Ray, with what stands in `lora_config`."""
        self._timeout_s = download_timeout_s
        self._tries = max_tries
        self._held: weakref.WeakValueDictionary[str, Adapter] = weakref.WeakValueDictionary()
        self._loading: dict[str, asyncio.Task[Adapter]] = {}
        self._refused: dict[str, tuple[float, ToldError]] = {}
        self._threads = ThreadPoolExecutor(FETCHES, thread_name_prefix="adapters")

    def start(self, llm_config: Any, engine: Any) -> None:
        """Serve the adapters of `llm_config` with a running engine."""
        self._path = llm_config.lora_config.dynamic_lora_loading_path
        self._engine = engine
        self._vllm = engine._engine_client.vllm_config

    async def load_model_from_config(self, lora_model_id: str, llm_config: Any) -> DiskMultiplexConfig:  # noqa: ARG002
        """An entry for Ray's table."""
        return _entry(await self.hold(lora_model_id))

    async def hold(self, model: str) -> Adapter:
        """An adapter that the engine has from here on; requests that come together load it once.

        Raises ToldError where it cannot be had.
        """
        if adapter := self._held.get(model):
            return adapter
        since, refusal = self._refused.get(model, (0.0, None))
        if refusal is not None and time.monotonic() - since < REMEMBERED_S:
            raise refusal.with_traceback(None)
        if (task := self._loading.get(model)) is None:
            task = self._loading[model] = asyncio.create_task(self._load(model))
            task.add_done_callback(lambda _: self._loading.pop(model))
        # A client that goes away does not take the adapter from the others who wait for it.
        return await asyncio.shield(task)

    async def _load(self, model: str) -> Adapter:
        try:
            adapter = Adapter(model, await self._fetched(model))
            await self._lend(adapter)
        except ToldError as refusal:
            self._remember(model, refusal)
            raise
        self._held[model] = adapter
        loop = asyncio.get_running_loop()
        end = weakref.finalize(adapter, loop.call_soon_threadsafe, self._let_go, model, adapter.folder)
        end.atexit = False
        logger.info("Loaded the adapter %s.", model)
        return adapter

    async def _fetched(self, model: str) -> TemporaryDirectory[str]:
        """The files of an adapter, found whole and right."""
        try:
            # Ray's own timeout is for a lock alone; Azure's client takes 80 s to give up once.
            async with asyncio.timeout(self._timeout_s):
                return await self._tried(model)
        except ToldError:
            raise
        except AdapterFilesError as fault:
            logger.error("The adapter %s cannot be served: %s", model, fault)  # noqa: TRY400
            raise ToldError(errors.adapter_invalid(model, str(fault).rstrip("."))) from fault
        except Exception as failure:
            logger.exception("The adapter %s could not be fetched", model)
            raise ToldError(errors.adapter_unavailable(model, errors.RETRY_AFTER_S)) from failure

    async def _tried(self, model: str) -> TemporaryDirectory[str]:
        loop = asyncio.get_running_loop()
        for _ in range(self._tries - 1):
            try:
                return await loop.run_in_executor(self._threads, self._fetch, model)
            except (AdapterFilesError, ToldError):
                raise
            except Exception as failure:  # noqa: BLE001 - whatever the client of a store raises
                logger.warning("The adapter %s is fetched once more: %s", model, failure)
            await asyncio.sleep(AGAIN_S)
        return await loop.run_in_executor(self._threads, self._fetch, model)

    def _fetch(self, model: str) -> TemporaryDirectory[str]:
        name = model.partition(":")[2]
        if not well_named(name):
            raise ToldError(errors.unknown_model(model))
        folder = TemporaryDirectory(prefix=f"adapter-{name.replace(':', '-')}-")
        _download(f"{self._path}/{name}", folder.name)
        if not any(Path(folder.name).iterdir()):
            raise ToldError(errors.unknown_model(model))
        check(Path(folder.name), self._vllm.lora_config, self._base)
        return folder

    @cached_property
    def _base(self) -> dict[str, Shape]:
        return base_shapes(self._vllm.model_config.model, self._vllm.model_config.revision)

    async def _lend(self, adapter: Adapter) -> None:
        """Have the engine load an adapter."""
        # Of a load that nobody holds any more, and that has not been let go yet.
        self._engine._oai_models.lora_requests.pop(adapter.model, None)
        try:
            await self._engine.resolve_lora(_entry(adapter))
        except ValueError as failure:
            logger.error("The engine refuses the adapter %s: %s", adapter.model, failure)  # noqa: TRY400
            told = errors.adapter_invalid(adapter.model, "the engine does not take it; its log says why")
            raise ToldError(told) from failure

    def _let_go(self, model: str, folder: TemporaryDirectory[str]) -> None:
        """Forget an adapter that nobody holds. vLLM drops its weights when it needs their place."""
        requests = self._engine._oai_models.lora_requests
        if (known := requests.get(model)) and known.lora_path == folder.name:
            del requests[model]
        asyncio.get_running_loop().call_later(GRACE_S, folder.cleanup)
        logger.info("Let go of the adapter %s.", model)

    def _remember(self, model: str, refusal: ToldError) -> None:
        now = time.monotonic()
        fresh = {each: found for each, found in self._refused.items() if now - found[0] < REMEMBERED_S}
        self._refused = {**fresh, model: (now, refusal)}


def _download(source: str, folder: str) -> None:
    """What lies in a folder of the store, if there is such a folder."""
    with contextlib.suppress(FileNotFoundError):
        CloudFileSystem.download_files(folder, source)


def _entry(adapter: Adapter) -> _Entry:
    entry = _Entry(
        model_id=adapter.model,
        local_path=adapter.folder.name,
        max_total_tokens=None,
        lora_assigned_int_id=0,  # nobody reads it
    )
    entry._adapter = adapter
    return entry
