"""What a simulated GPU refuses by name: before anything starts, and again where vLLM starts."""

CACHE_DTYPES = ("auto", "bfloat16", "float16")
SPECULATION = ("ngram",)


class UnsupportedOnSimulatedGpuError(ValueError):
    """A configuration that a GPU runs and a simulated one would run wrongly, or not at all."""


def check_engine(cache_dtype: str, quantization: str | None, speculation: str | None) -> None:
    """Raise UnsupportedOnSimulatedGpuError for engine arguments that no simulated GPU takes."""
    if cache_dtype not in CACHE_DTYPES:
        raise UnsupportedOnSimulatedGpuError(
            f"kv_cache_dtype = {cache_dtype}: a simulated GPU keeps the KV cache unquantized; "
            f"allowed: {', '.join(CACHE_DTYPES)}"
        )
    if quantization:
        raise UnsupportedOnSimulatedGpuError(
            f"quantization = {quantization}: a simulated GPU multiplies unquantized weights only"
        )
    if speculation and speculation not in SPECULATION:
        raise UnsupportedOnSimulatedGpuError(
            f"speculative_config.method = {speculation}: no simulated GPU has operators of drafting models; "
            f"allowed: {', '.join(SPECULATION)}"
        )
