"""What vLLM, Ray Serve and KubeRay refuse, ignore or make slow: each rule once, for all who ask."""

from .rule import EngineUse, Fault, Gpu, Rule, rule

__all__ = ["EngineUse", "Fault", "Gpu", "Rule", "rule"]
