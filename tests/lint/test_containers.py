"""Servers that containers start, in pods of every kind and in Compose files."""

import pytest
import yaml

from tests.lint.reading import told, unknown

KINDS = {
    "Pod": "spec",
    "Deployment": "spec.template.spec",
    "StatefulSet": "spec.template.spec",
    "Job": "spec.template.spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
    "LeaderWorkerSet": "spec.leaderWorkerTemplate.workerTemplate.spec",
    "InferenceService": "spec.predictor",
    "ServingRuntime": "spec",
}


def manifest(container: dict, kind: str = "Deployment") -> str:
    document: dict = {"containers": [{"name": "vllm", **container}]}
    for key in reversed(KINDS[kind].split(".")):
        document = {key: document}
    return yaml.safe_dump({"apiVersion": "v1", "kind": kind, "metadata": {"name": "vllm"}, **document})


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_is_found_in_pods_of_every_kind(kind):
    wrong = {"image": "vllm/vllm-openai", "args": ["--model", "a", "--swap-space", "4"]}
    assert unknown(manifest(wrong, kind), "pod.yaml") == ["--swap-space"]
    right = {"image": "vllm/vllm-openai", "args": ["--model", "a", "--max-num-seqs", "4"]}
    assert told(manifest(right, kind), "pod.yaml") == []


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["vllm", "serve", "a"], "args": ["--swap-space", "4"]},
        {"command": ["vllm", "serve"], "args": ["a", "--swap-space=4"]},
        {
            "command": [
                "python3",
                "-m",
                "vllm.entrypoints.openai.api_server",
                "--model",
                "a",
                "--swap-space",
                "4",
            ]
        },
        {"command": ["sh", "-c"], "args": ["vllm serve a --swap-space 4"]},
        {"command": ["/bin/bash", "-c", "set -e\nexec vllm serve a \\\n  --swap-space 4\n"]},
        {"args": ["bash", "-ec", "vllm serve a --swap-space 4"]},
        {"image": "ghcr.io/mirror/vllm/vllm-openai:v1@sha256:ab", "args": ["--model=a", "--swap-space", "4"]},
    ],
)
def test_a_server_is_found_however_its_command_is_written(container):
    assert [token[:12] for token in unknown(manifest(container), "pod.yaml")] == ["--swap-space"]


@pytest.mark.parametrize(
    "container",
    [
        {"image": "nginx", "args": ["--model", "vllm", "--swap-space", "4"]},
        {"image": "vllm/vllm-openai", "command": ["python3", "serve.py"], "args": ["--swap-space", "4"]},
    ],
)
def test_what_starts_no_server_is_left_alone(container):
    assert told(manifest(container), "pod.yaml") == []


def test_the_image_alone_starts_a_server_too():
    container = {"image": "vllm/vllm-openai:v0.29.0"}
    assert told(manifest(container), "pod.yaml") == [("model-left-out", "vllm/vllm-openai:v0.29.0")]


def test_references_to_the_pods_environment_are_replaced_where_it_is_written():
    container = {
        "image": "vllm/vllm-openai",
        "args": ["--model", "$(MODEL)", "--max-model-len", "$(LEN)", "--dtype=$(DTYPE)"],
        "env": [
            {"name": "LEN", "value": "banana"},
            {"name": "DTYPE", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}},
        ],
    }
    assert told(manifest(container), "pod.yaml") == [("wrong-type", "$(LEN)")]


def test_the_shell_of_a_container_knows_its_environment():
    container = {
        "command": ["sh", "-c", "vllm serve a --max-model-len $LEN"],
        "env": [{"name": "LEN", "value": "x"}],
    }
    assert [code for code, _ in told(manifest(container), "pod.yaml")] == ["wrong-type"]


def test_a_number_without_quotes_is_no_word_to_kubernetes():
    container = {"image": "vllm/vllm-openai", "args": ["--model", "a", "--port", 8000]}
    assert told(manifest(container), "pod.yaml") == [("wrong-type", "8000")]


def test_each_token_is_found_inside_of_a_block_of_text():
    text = """\
apiVersion: v1
kind: Pod
spec:
  containers:
    - name: a
      image: vllm/vllm-openai
      command: ["/bin/sh", "-c"]
      args:
        - |
          export LEN=10  # é
          vllm serve a \\
            --max-model-len $LEN \\
            --swap-space 4
        - >-
          folded
    - name: b
      command: [sh, -c, "vllm serve a \\
        --fooled \\"x\\" --trailing 1"]
    - name: c
      command: [sh, -c]
      args:
        - >
          vllm serve a
          --folded 1
          --max-num-seqs 4

          --folded-too 2
"""
    found = [token for _, token in told(text, "pod.yaml")]
    assert found == ["--swap-space", "--fooled", "--trailing", "--folded"]


def compose(service: dict) -> str:
    return yaml.safe_dump({"services": {"vllm": service}}, width=1000)


@pytest.mark.parametrize(
    "service",
    [
        {"image": "vllm/vllm-openai:latest", "command": ["--model", "a", "--swap-space", "4"]},
        {"image": "vllm/vllm-openai:latest", "command": "--model a --swap-space 4"},
        {"image": "vllm/vllm-openai:latest", "command": "--model a\n--swap-space 4\n"},
        {"image": "mine", "entrypoint": ["vllm", "serve"], "command": "a --swap-space 4"},
        {"image": "mine", "entrypoint": "vllm serve", "command": ["a", "--swap-space", "4"]},
        {"image": "mine", "command": 'sh -c "vllm serve a --swap-space 4"'},
    ],
)
def test_a_server_is_found_in_a_compose_file(service):
    assert unknown(compose(service), "compose.yaml") == ["--swap-space"]


def test_compose_fills_in_variables_itself():
    service = {
        "image": "vllm/vllm-openai",
        "command": "--model $MODEL --port ${PORT} --max-model-len ${LEN:-banana}",
    }
    assert told(compose(service), "compose.yaml") == [("wrong-type", "banana")]


def test_a_service_of_another_image_is_left_alone():
    assert told(compose({"image": "redis", "command": "--swap-space 4"}), "compose.yaml") == []
