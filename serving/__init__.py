"""What runs inside the Ray image, beside Ray Serve and vLLM.

Every `serveConfigV2` that the components emit names `serving.app:build`, which builds on Ray Serve LLM's own
applications, and `serving.autoscaling:LLMAutoscaling`.

This room may import Ray and vLLM. That is why `pinned_schemas` and `engine_arguments` lie here too:
they write down what Ray, KubeRay and vLLM take, so that the product checks what it sends them
without importing any. `admission` and `autoscaling` import neither: the components take their settings from
there.
"""
