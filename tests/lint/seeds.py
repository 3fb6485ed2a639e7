"""Files of every form that is read, small and whole: what fuzzing begins with."""

SERVE_CONFIG = """\
applications:
  - name: llm
    route_prefix: /
    import_path: ray.serve.llm:build_openai_app
    args:
      llm_configs:
        - model_loading_config: {model_id: qwen, model_source: Qwen/Qwen3-8B}
          accelerator_type: H100
          engine_kwargs:
            max_model_len: 8192
            kv_cache_dtype: fp8
            tensor_parallel_size: 2
            kv_transfer_config: {kv_connector: NixlConnector, kv_role: kv_both}
          deployment_config:
            autoscaling_config: {min_replicas: 0, max_replicas: 4, target_ongoing_requests: 8}
            max_ongoing_requests: 16
          placement_group_config: {bundles: [{GPU: 1}], strategy: PACK}
          lora_config: {dynamic_lora_loading_path: "s3://bucket/loras", max_num_adapters_per_replica: 4}
"""

SERVICE = """\
apiVersion: ray.io/v1
kind: RayService
metadata: {name: llm, labels: {team: a}}
spec:
  serveConfigV2: |
%s
  rayClusterConfig:
    rayVersion: 2.60.0
    enableInTreeAutoscaling: true
    headGroupSpec:
      rayStartParams: {num-cpus: "0"}
      template: {spec: {containers: [{name: head, image: ray, resources: {limits: {cpu: "2", memory: 8Gi}}}]}}
    workerGroupSpecs:
      - groupName: gpu
        minReplicas: 0
        maxReplicas: 2
        rayStartParams: {num-gpus: "1"}
        template:
          spec:
            containers:
              - name: worker
                image: ray
                resources: {limits: {nvidia.com/gpu: 2, cpu: "8", memory: 64Gi}}
                volumeMounts: [{name: shm, mountPath: /dev/shm}]
            volumes: [{name: shm, emptyDir: {medium: Memory}}]
""" % "".join(f"    {line}" for line in SERVE_CONFIG.splitlines(keepends=True))  # noqa: UP031 - it is full of braces

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.29.0
          args: ["--model", $(MODEL), --max-model-len, "8192", "--port=8000"]
          env: [{name: MODEL, value: Qwen/Qwen3-8B}]
        - name: shell
          command: [/bin/sh, -c]
          args:
            - |
              LEN=8192
              exec vllm serve "$MODEL" \\
                --max-model-len $LEN --swap-space 4
---
kind: ConfigMap
data:
  run.sh: "vllm serve a --dtype auto\\n"
"""

SCRIPT = """\
#!/bin/bash
MODEL=${MODEL:-Qwen/Qwen3-8B}
ARGS=(--max-model-len 8k "--dtype=auto")
ARGS+=(--kv-transfer-config '{"kv_connector": "NixlConnector", "kv_role": "kv_both"}')
CUDA_VISIBLE_DEVICES=0 exec vllm serve "$MODEL" "${ARGS[@]}" \\
  --gpu-memory-utilization 0.9 --compilation-config.mode 3 $EXTRA 2>&1 | tee log
docker run --gpus all vllm/vllm-openai:latest --model a --swap-space 4 && cat <<EOF > x
python -m vllm.entrypoints.openai.api_server --model $MODEL --config x.yaml
EOF
"""

DOCKERFILE = """\
# escape=\\
ARG TAG=v0.29.0
FROM vllm/vllm-openai:${TAG} AS base
ENV LEN=8192 MODEL="Qwen/Qwen3-8B"
RUN --mount=type=cache,target=/root pip install x && \\
    # a comment
    vllm serve a --max-model-len $LEN
FROM base
ENTRYPOINT ["vllm", "serve", \\
  "Qwen/Qwen3-8B"]
CMD ["--swap-space", "4"]
"""

COMPOSE = """\
services:
  vllm:
    image: vllm/vllm-openai:latest
    command: --model ${MODEL:-a} --max-model-len 8192
    environment: {A: b}
  other:
    entrypoint: [vllm, serve]
    command: ["a", "--dtype", "auto"]
"""

MODELS = """\
{"llm_configs": [{"model_loading_config": {"model_id": "a"}, "engine_kwargs": {"max_num_seqs": 8}}]}
"""

TEMPLATE = """\
{{- if .Values.on }}
kind: Deployment
spec:
  containers:
    - image: vllm/vllm-openai:{{ .Values.tag }}
      args: ["--model", {{ .Values.model | quote }}, "--swap-space", "4"]
{{- end }}
"""

SEEDS = {
    "serve.yaml": SERVE_CONFIG,
    "service.yaml": SERVICE,
    "deployment.yaml": DEPLOYMENT,
    "run.sh": SCRIPT,
    "Dockerfile": DOCKERFILE,
    "compose.yaml": COMPOSE,
    "models.json": MODELS,
    "template.yaml": TEMPLATE,
}
