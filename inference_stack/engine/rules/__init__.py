"""What vLLM, Ray Serve and KubeRay refuse, ignore or make slow: each rule once, for all who ask."""

from .advice import ADVICE
from .cache import CACHE_RULES
from .compilation import COMPILATION_RULES
from .cuda import CUDA_ONLY, CUDA_RULES
from .kv_transfer import KV_TRANSFER_RULES
from .launch import LAUNCH_RULES
from .lengths import LENGTH_RULES
from .lora import LORA_RULES
from .multimodal import MULTIMODAL_RULES
from .observing import OBSERVING_RULES
from .parallelism import PARALLELISM_RULES
from .pooling import POOLING_RULES
from .quantization import QUANTIZATION_RULES
from .rule import EngineUse, Fault, Gpu, Rule, rule
from .speculation import SPECULATION_RULES
from .types import TYPE_RULES

__all__ = ["CUDA_ONLY", "EngineUse", "Fault", "Gpu", "Rule", "engine_rules", "rule"]

engine_rules: tuple[Rule[EngineUse], ...] = (
    *TYPE_RULES,
    *LENGTH_RULES,
    *PARALLELISM_RULES,
    *LAUNCH_RULES,
    *POOLING_RULES,
    *QUANTIZATION_RULES,
    *LORA_RULES,
    *SPECULATION_RULES,
    *KV_TRANSFER_RULES,
    *MULTIMODAL_RULES,
    *CACHE_RULES,
    *COMPILATION_RULES,
    *OBSERVING_RULES,
    *CUDA_RULES,
    *ADVICE,
)
"""Rules on the arguments of one engine, its model and its card."""
