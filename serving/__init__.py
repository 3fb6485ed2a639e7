"""What runs inside the Ray image, beside Ray Serve and vLLM.

Today that is Ray's stock applications in the stock image: every `serveConfigV2` names
`ray.serve.llm:build_openai_app` or, for a disaggregated model, `ray.serve.llm:build_pd_openai_app`, and
nothing of ours runs there. Our own builder, autoscaling policy and admission will live here.

This room may import Ray and vLLM. That is why `pinned_schemas` and `engine_arguments` lie here too:
they write down what Ray, KubeRay and vLLM take, so that the product checks what it sends them
without importing any.
"""
