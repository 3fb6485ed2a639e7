"""What the ingress knows of adapters: which there are, and which there cannot be.

Ray's own lists them while all other requests wait, says where they lie, and fails for everybody where the
configuration of one is broken.
"""

import asyncio
from typing import Any

from fastapi import HTTPException
from ray.llm._internal.common.utils.lora_utils import get_lora_model_ids
from ray.llm._internal.serve.core.configs.openai_api_models import ModelCard, ModelList, OpenAIHTTPException
from ray.llm._internal.serve.utils.lora_serve_utils import get_lora_model_metadata
from ray.serve.llm import ingress

from .adapters import well_named
from .errors import ToldError, unknown_model


class AdapterIngress(ingress.OpenAiIngress):
    """Ray's ingress, to which a broken adapter is one that is not listed."""

    def __init__(self, *arguments: Any, lora_paths: dict[str, str] | None = None, **more: Any) -> None:
        """`lora_paths` are the folders of adapters by model id; all of it is Ray's."""
        super().__init__(*arguments, lora_paths=lora_paths, _get_lora_model_metadata_func=_metadata, **more)
        self._paths = dict(lora_paths or {})

    def check_adapter(self, model: str | None) -> None:
        """Raise ToldError for an adapter that cannot be: its replica would fail at it."""
        base, colon, adapter = (model or "").partition(":")
        if colon and not (base in self._paths and well_named(adapter)):
            raise ToldError(unknown_model(model or ""))

    def forget(self, model: str | None) -> None:
        """Keep nothing of a model that is not there: Ray keeps a handle for every name it was ever asked."""
        self._configured_serve_handles.pop(model, None)

    async def models(self) -> ModelList:
        """The models and adapters that there are."""
        cards = [await self.model(base) for base in self._model_cards]
        for base, path in self._paths.items():
            # In a thread, since Ray's function waits for the store.
            found = await asyncio.to_thread(get_lora_model_ids, path, base)
            cards += [await self.model(each) for each in found if well_named(each.partition(":")[2])]
        return ModelList(data=[card for card in cards if card])

    async def model_data(self, model: str) -> ModelCard:
        """One of them; raises ToldError where it is not there."""
        self.check_adapter(model)
        try:
            return await super().model_data(model)
        except OpenAIHTTPException as error:
            raise ToldError(unknown_model(model)) from error


async def _metadata(model: str, path: str) -> dict[str, Any]:
    """What a list says of an adapter; raises HTTPException for one whose configuration cannot be read."""
    try:
        known = await get_lora_model_metadata(model, path)
    except (AttributeError, ValueError) as error:
        raise HTTPException(404, "adapter_config.json cannot be read") from error
    return {name: value for name, value in known.items() if name != "bucket_uri"}
