"""The application that a RayService runs: Ray Serve LLM's, with our ingress and replicas."""

from typing import Any, Self

from pydantic import Field, PositiveInt, model_validator
from ray.serve import Application
from ray.serve.llm import build_openai_app, build_pd_openai_app

from .admission import BODY_LIMIT_BYTES, AdmissionSettings
from .frozen import Frozen
from .ingress import OpenAiIngress
from .server import LLMServer


class Serving(Frozen):
    """What is ours in the arguments of the application."""

    max_body_bytes: PositiveInt = Field(
        default=BODY_LIMIT_BYTES, description="Largest body that is read, bytes."
    )
    admission: dict[str, AdmissionSettings] = Field(
        default_factory=dict,
        description="By model id. Of a model that has none, only Ray's own queue bounds what is let in.",
    )


class Arguments(Frozen):
    """The arguments of the application: those of one of Ray's two OpenAI applications, and a section of ours.

    What Ray takes is checked by Ray's own models, which refuse keys that they do not know.
    """

    llm_configs: list[dict[str, Any]] | None = Field(default=None, description="As in Ray's LLMServingArgs.")
    prefill_config: dict[str, Any] | None = Field(default=None, description="As in Ray's PDServingArgs.")
    decode_config: dict[str, Any] | None = Field(default=None, description="As in Ray's PDServingArgs.")
    ingress_deployment_config: dict[str, Any] = Field(default_factory=dict, description="As in both.")
    serving: Serving = Serving()

    @model_validator(mode="after")
    def _one_application(self) -> Self:
        sides = (self.prefill_config, self.decode_config)
        if (self.llm_configs is None) == (None in sides) or len({side is None for side in sides}) > 1:
            raise ValueError("give either llm_configs, or both of prefill_config and decode_config")
        return self


def build(arguments: Arguments) -> Application:
    """The application of the models in `arguments`.

    Ray Serve makes `Arguments` of what the Serve configuration says under `args`. Raises ValidationError.
    """
    ingress = {
        "ingress_deployment_config": arguments.ingress_deployment_config,
        "ingress_cls_config": {
            "ingress_cls": OpenAiIngress,
            "ingress_extra_kwargs": {
                "max_body_bytes": arguments.serving.max_body_bytes,
                "admission": arguments.serving.admission,
            },
        },
    }
    if arguments.llm_configs is None:
        # Ray chooses the replicas of the two sides by itself.
        sides = {"prefill_config": arguments.prefill_config, "decode_config": arguments.decode_config}
        return build_pd_openai_app(sides | ingress)
    models = [{"server_cls": LLMServer, **config} for config in arguments.llm_configs]
    return build_openai_app({"llm_configs": models} | ingress)
