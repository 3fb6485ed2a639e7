"""What people run, in the shapes in which they write it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.serving_manifest import Place, service_manifest
from inference_stack.importing import Imported, import_source
from inference_stack.lint.source import Source
from inference_stack.planner import Plan, PlannedModel, plan_environment, service_of
from inference_stack.spec import read

ROOT = Path(__file__).parents[2]


@cache
def planned(environment: str) -> Plan:
    """The plan of an environment of this repository."""
    file = ROOT / f"Pulumi.{environment}.yaml"
    return plan_environment(read(file).data, name=environment, file=str(file))


def emitted(environment: str, model: PlannedModel) -> str:
    """The RayService that this stack sends for a model."""
    plan = planned(environment)
    manifest = service_manifest(plan, service_of(model.name, plan.models), Place("inference", "inference"))
    return yaml.safe_dump(manifest, sort_keys=False)


def imported(text: str, name: str = "service.yaml") -> Imported:
    return import_source(Source(name, text))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Paths of everything in a document, with what serveConfigV2 holds as text."""
    if path.endswith("serveConfigV2") and isinstance(value, str):
        value = yaml.safe_load(value)
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from leaves(below, f"{path}[{index}]")
    else:
        yield path


SERVICE = """\
apiVersion: ray.io/v1
kind: RayService
metadata: {name: llm}
spec:
  upgradeStrategy: {type: None}
  serveConfigV2: |
    http_options: {port: 8000}
    applications:
    - name: llms
      import_path: ray.serve.llm:build_openai_app
      route_prefix: "/"
      args:
        llm_configs:
        - model_loading_config: {model_id: Chat_7B, model_source: Qwen/Qwen2.5-7B-Instruct}
          accelerator_type: A100-80G
          log_engine_metrics: true
          engine_kwargs:
            dtype: bfloat16
            max_model_len: 16384
            device: auto
            gpu_memory_utilization: 0.75
            max_num_seqs: 48
            tensor_parallel_size: 2
            speculative_config: {model: x, num_speculative_tokens: 3}
            swap_space: 4
          lora_config: {dynamic_lora_loading_path: "s3://bucket/lora", max_num_adapters_per_replica: 3}
          deployment_config:
            autoscaling_config:
              {min_replicas: 1, max_replicas: 4, target_ongoing_requests: 64, upscale_delay_s: 5}
            max_ongoing_requests: 128
        - model_loading_config: {model_id: small, model_source: {bucket_uri: "s3://models/Qwen3-0.6B"}}
          deployment_config: {num_replicas: 2, request_router_config: {request_router_class: my.Router}}
  rayClusterConfig:
    rayVersion: "2.52.0"
    headGroupSpec:
      rayStartParams: {num-cpus: "0"}
      template:
        spec:
          containers:
          - {name: ray-head, image: "rayproject/ray-llm:2.52.0", resources: {limits: {cpu: "2"}}}
    workerGroupSpecs:
    - replicas: 1
      minReplicas: 1
      maxReplicas: 4
      groupName: gpu-group
      rayStartParams: {num-gpus: "4"}
      template:
        spec:
          serviceAccountName: team
          imagePullSecrets: [{name: registry}]
          nodeSelector: {cloud: here}
          containers:
          - name: ray-worker
            image: "rayproject/ray-llm:2.52.0"
            env: [{name: HF_TOKEN, value: hf_notforyoureyes}]
            resources: {limits: {cpu: "32", nvidia.com/gpu: "4"}}
            volumeMounts: [{name: shm, mountPath: /dev/shm}, {name: disk, mountPath: /models}]
          volumes: [{name: shm, emptyDir: {medium: Memory}}, {name: disk, hostPath: {path: /mnt}}]
---
apiVersion: v1
kind: Secret
metadata: {name: hf-token}
stringData: {hf_token: hf_notforyoureyes}
"""
"""As the operator's samples of Ray Serve LLM are, with more in it."""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm, namespace: ml, labels: {app: vllm}}
spec:
  replicas: 3
  selector: {matchLabels: {app: vllm}}
  template:
    metadata: {labels: {app: vllm}}
    spec:
      nodeSelector: {node.kubernetes.io/instance-type: Standard_NC80adis_H100_v5}
      containers:
      - name: vllm
        image: vllm/vllm-openai:v0.29.0
        args:
          [--model, Qwen/Qwen3-32B, -tp=2, --max-model-len, "32768", --quantization, fp8]
        ports: [{containerPort: 8000}]
        livenessProbe: {httpGet: {path: /health, port: 8000}}
        resources: {limits: {nvidia.com/gpu: "2"}}
"""

COMPOSE = """\
services:
  chat:
    image: vllm/vllm-openai:v0.29.0
    command: --model Qwen/Qwen3-8B --max-model-len 8192
    ports: ["8000:8000"]
    environment: {HF_TOKEN: hf_notforyoureyes}
  web:
    image: nginx
"""

DOCKERFILE = """\
FROM vllm/vllm-openai:v0.29.0
ENV HF_TOKEN=hf_notforyoureyes
COPY template.jinja /template.jinja
CMD ["--model", "Qwen/Qwen3-8B", "--max-model-len", "8192", "--chat-template", "/template.jinja"]
"""

SCRIPT = """\
#!/bin/bash
export HF_TOKEN=hf_notforyoureyes
MODEL=Qwen/Qwen3-8B
rm -rf /tmp/cache
vllm serve $MODEL --max-model-len 32k --max-num-seq 64 \\
  --served-model-name chat other --port 8000 --api-key sk-notforyoureyes \\
  --enable-lora --max-lora-rank 32 --lora-modules legal=/x hr_team=/y \\
  --enable-auto-tool-choice --tool-call-parser hermes --foo 3 $EXTRA
"""

SOURCES = {
    "service.yaml": SERVICE,
    "deployment.yaml": DEPLOYMENT,
    "compose.yaml": COMPOSE,
    "Dockerfile": DOCKERFILE,
    "serve.sh": SCRIPT,
}
