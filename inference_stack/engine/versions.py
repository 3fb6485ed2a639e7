"""The versions that the emitted configuration is written for; the schemas beside this module are of these."""

RAY = "2.60.0"
VLLM = "0.29.0"
"""0.33 does not run under Ray 2.60: Ray imports a module of vLLM that 0.33 no longer has."""
KUBERAY = "1.6.1"
