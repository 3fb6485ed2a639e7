"""YAML and JSON of every kind: what is read, what cannot be, and where it is told."""

import json

import pytest

from inference_stack.spec import Severity
from tests.lint.reading import found, token, told, unknown

MODEL = """\
model_loading_config:
  model_id: qwen
  model_source: Qwen/Qwen3-8B
engine_kwargs:
  swap_space: 4
"""
SERVE = """\
applications:
  - name: llm
    import_path: ray.serve.llm:build_openai_app
    args:
      llm_configs:
        - model_loading_config: {model_id: qwen, model_source: Qwen/Qwen3-8B}
          engine_kwargs: {swap_space: 4}
"""


def indented(text: str, by: str) -> str:
    return "".join(f"{by}{line}" for line in text.splitlines(keepends=True))


SERVICE = f"""\
apiVersion: ray.io/v1
kind: RayService
metadata: {{name: llm}}
spec:
  serveConfigV2: |
{indented(SERVE, "    ")}
  rayClusterConfig:
    headGroupSpec:
      template: {{spec: {{containers: [{{name: head, image: ray}}]}}}}
"""


def errors(text: str, name: str = "a.yaml") -> list[tuple[str, str]]:
    return [
        (each.finding.code, token(each))
        for each in found(text, name)
        if each.finding.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(
    "text",
    [
        SERVICE,
        SERVE,
        MODEL,
        indented(MODEL, "  ").replace("  model", "- model", 1),
        "llm_configs:\n" + indented(MODEL, "    ").replace("    model", "  - model", 1),
        f"---\nkind: Secret\n---\n{SERVICE}---\nkind: ConfigMap\n",
        "apiVersion: v1\nkind: List\nitems:\n" + indented(SERVICE, "    ").replace("    api", "  - api", 1),
        "kind: ConfigMap\ndata:\n  serve.yaml: |\n" + indented(SERVE, "    "),
        "kind: ConfigMap\ndata:\n  run.sh: |\n    vllm serve a swap_space --swap_space 4".replace(
            "a swap_space ", "a "
        ),
    ],
    ids=[
        "service",
        "serve",
        "model",
        "models",
        "llm_configs",
        "stream",
        "list",
        "config map",
        "script in a map",
    ],
)
def test_an_engine_argument_is_found_in_every_kind_of_document(text):
    assert [each.lstrip("-") for each in unknown(text, "a.yaml")] == ["swap_space"]
    assert errors(text.replace("swap_space", "max_num_seqs")) == []


def test_a_cluster_alone_is_held_against_its_definition():
    text = SERVICE[SERVICE.index("  rayClusterConfig:\n") :].replace("  rayClusterConfig:", "spec:")
    text = "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: a}\n" + text
    assert errors(text) == []
    assert errors(text.replace("image:", "picture:")) == [("unknown-key", "picture")]
    job = text.replace("kind: RayCluster", "kind: RayJob").replace("spec:\n", "spec:\n  rayClusterSpec:\n", 1)
    assert errors(job) == []
    assert errors(job.replace("image:", "picture:")) == [("unknown-key", "picture")]


def test_a_service_read_back_from_a_cluster_is_no_worse_for_it():
    live = SERVICE.replace("{name: llm}", "{name: llm, uid: a, resourceVersion: '1', generation: 2}")
    live = live.replace("swap_space", "max_num_seqs") + "status: {serviceStatus: Running}\n"
    assert errors(live) == []


def test_json_is_read_with_tabs_and_places():
    document = json.dumps(
        {"model_loading_config": {"model_id": "é"}, "engine_kwargs": {"swap_space": 4}}, indent="\t"
    )
    assert unknown(document, "model.json") == ['"swap_space"']
    assert told("{,}", "model.json") == [("not-json", ",")]


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (
            "literal",
            "|\n    applications:\n    - import_path: ray.serve.llm:build_openai_app\n      swap: 1\n",
        ),
        ("stripped", "|-\n      applications:\n      - import_path: a:b # é\n        swap: 1\n"),
        ("quoted", r'"applications:\n- import_path: \"a:b\"\n  swap: 1"'),
        ("folded", ">\n    applications:\n\n    - import_path: a:b\n\n      swap: 1\n"),
    ],
)
def test_a_finding_inside_of_a_text_stands_where_it_is_written(style, text):
    service = (
        f"apiVersion: ray.io/v1\nkind: RayService\nmetadata: {{name: a}}\nspec:\n  serveConfigV2: {text}\n"
    )
    assert ("unknown-key", "swap") in errors(service)


def test_a_missing_key_stands_at_the_group_that_lacks_it():
    (missing,) = [
        each
        for each in found("engine_kwargs: {}\nmodel_loading_config:\n  model_id: a\n  x: 1\n", "a.yaml")
        if each.finding.code.startswith("unknown")
    ]
    assert (missing.finding.path, token(missing)) == ("model_loading_config.x", "x")
    bare = "kind: RayService\napiVersion: ray.io/v1\nmetadata: {name: a}\nspec:\n  rayClusterConfig: {}\n"
    assert ("missing-key", "rayClusterConfig") in errors(bare)


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("kind: a\nb: [", "not-yaml", ""),
        ("kind: a\n\tb: 1", "not-yaml", "\t"),
        ("kind: &a [*a]", "too-deep", "k"),
        ("kind: " + "[" * 200 + "]" * 200, "too-deep", "k"),
        ("kind: " + "[" * 5000, "not-yaml", "["),
        ("kind: 0b_", "not-yaml", "k"),
        ("kind: !!int", "not-yaml", "k"),
        ("kind: !!bool maybe", "not-yaml", "k"),
        ("kind: *nowhere", "not-yaml", "*"),
        ("{a: {b: 1}: 2}: 3", "not-yaml", ":"),
        ("kind: a\x07b", "not-yaml", ""),
    ],
)
def test_what_cannot_be_read_is_a_finding(text, code, at):
    told_of = told(text, "a.yaml")
    assert [each[0] for each in told_of] == [code]
    assert told_of[0][1].startswith(at) or at == ""


def test_a_bomb_of_aliases_is_not_set_off():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert told("kind: a\n" + "\n".join(lines), "a.yaml") == [("too-large", "k")]
    merged = [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 12)]
    assert told("kind: a\na0: &a0 {x: 1}\n" + "\n".join(merged), "a.yaml") == [("too-large", "k")]
    inside = SERVICE.replace(
        "    applications:", "    kind: a\n" + indented("\n".join(lines), "    ") + "\n    applications:", 1
    )
    assert [code for code, _ in errors(inside)] == ["too-large"]


def test_a_serve_config_that_is_no_yaml_is_told_on_its_line():
    for broken in ("    - [", "    when: !!int", "    when: !!timestamp x"):
        text = SERVICE.replace("    applications:", f"    fine: 1\n{broken}\n    applications:", 1)
        codes = {each.finding.code: each for each in found(text, "a.yaml")}
        assert (codes["not-yaml"].finding.line or 0) >= 5


def test_what_follows_a_broken_document_is_read():
    assert errors(f"kind: [\n---\n{MODEL}")[1][1] == "swap_space"


def test_aliases_and_merged_keys_stand_where_they_are_written():
    text = "x: &x {swap_space: 4}\nmodel_loading_config: {model_id: a}\nengine_kwargs: {<<: *x, fooled: 1}\n"
    assert unknown(text, "a.yaml") == ["x", "swap_space", "fooled"]


def test_of_two_keys_of_one_name_the_later_one_counts():
    text = MODEL + "engine_kwargs:\n  fooled: 4\n"
    assert unknown(text, "a.yaml") == ["fooled"]


def test_own_tags_and_dates_are_read_as_plain_values():
    assert unknown("when: 2024-13-45\nenv: !env [A, 1]\n" + MODEL, "a.yaml")[-1:] == ["swap_space"]


def test_byte_order_mark_and_windows_line_ends_move_no_token():
    assert unknown(MODEL.replace("\n", "\r\n"), "a.yaml") == ["swap_space"]
    assert unknown(SERVICE.replace("\n", "\r\n"), "a.yaml") == ["swap_space"]


def test_a_template_is_judged_where_it_is_plain():
    text = (
        "{{- if .Values.on }}\n"
        + MODEL
        + "  max_model_len: {{ .Values.len }}\n  {{ .Values.more }}: 1\n{{- end }}\n"
    )
    assert told(text, "templates/a.yaml")[0] == ("template", "{{")
    assert unknown(text, "templates/a.yaml") == ["swap_space"]


def test_what_envsubst_will_fill_in_is_not_judged():
    text = "model_loading_config: {model_id: a}\ndeployment_config: {max_ongoing_requests: %s}\n"
    assert errors(text % "many") == [("wrong-type", "many")]
    assert errors(text % "'${MANY}'") == []


def test_what_is_of_no_kind_that_is_known_is_said_once_it_was_named():
    assert told("a: 1\n", "a.yaml") == [("nothing-read", "")]
    assert told("kind: Secret\n", "a.yaml") == []


def test_a_table_that_tells_of_options_is_no_file_of_options():
    assert unknown("max_model_len: 8192\nmax_num_seqs: 8\nswap_space: 4\n", "a.yaml") == ["swap_space"]
    table = "max_model_len: Longest context that a request has.\nswap_space: Memory of the host, in GiB.\n"
    assert told(table, "a.yaml") == [("nothing-read", "")]
    assert told("max_model_len: {since: 1}\nswap_space: {until: 2}\n", "a.yaml") == [("nothing-read", "")]
