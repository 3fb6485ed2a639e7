import pytest

from serving import pinned_schemas
from serving.pinned_schemas import share, structural


def test_descriptions_and_defaults_are_left_out_and_bounds_are_kept():
    upstream = {
        "type": "integer",
        "description": "Words.",
        "default": 1,
        "minimum": 0,
        "format": "int32",
        "title": "X",
    }
    assert structural(upstream) == {"type": "integer", "minimum": 0}


def test_an_object_refuses_the_keys_it_does_not_name():
    assert structural({"type": "object", "properties": {"a": {"type": "string"}}}) == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("upstream", "others"),
    [
        ({"additionalProperties": True}, True),
        ({"x-kubernetes-preserve-unknown-fields": True}, True),
        ({"additionalProperties": {"type": "string", "description": "Words."}}, {"type": "string"}),
    ],
)
def test_an_object_takes_the_keys_that_upstream_lets_it_take(upstream, others):
    found = structural({"type": "object", "properties": {"a": {"type": "string"}}, **upstream})
    assert found["additionalProperties"] == others


def test_what_has_a_default_is_not_required():
    properties = {"containerPort": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}
    found = structural(
        {"type": "object", "properties": properties, "required": ["containerPort", "protocol"]}
    )
    assert found["required"] == ["containerPort"]


@pytest.mark.parametrize(
    ("upstream", "kept"),
    [
        ({"x-kubernetes-int-or-string": True, "anyOf": [{}]}, {"type": ["integer", "string"]}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            {"type": ["integer", "null"], "minimum": 0},
        ),
        ({"anyOf": [{"type": "string"}, {}]}, {"type": "string"}),
        (
            {"anyOf": [{"type": "object", "additionalProperties": True}, {"$ref": "#/$defs/Lora"}]},
            {"$ref": "#/$defs/Lora"},
        ),
        (
            {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]},
            {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]},
        ),
    ],
)
def test_alternatives_become_one_schema_where_json_can_say_it(upstream, kept):
    assert structural(upstream) == kept


def test_a_repeated_part_is_written_once():
    part = {"type": "object", "properties": {f"field_{number}": {"type": "string"} for number in range(9)}}
    whole = structural({"type": "object", "properties": {"head": part, "worker": part}})
    definitions = share("Root", whole)
    assert set(definitions) == {"Root", "head"}
    assert definitions["Root"]["properties"] == {key: {"$ref": "#/$defs/head"} for key in ("head", "worker")}


def test_two_parts_of_one_name_stay_apart():
    first = {"type": "object", "properties": {f"a_{number}": {"type": "string"} for number in range(9)}}
    other = {"type": "object", "properties": {f"b_{number}": {"type": "string"} for number in range(9)}}
    branches = {
        name: {"type": "object", "properties": {"spec": found}}
        for name, found in {"one": first, "two": first, "three": other, "four": other}.items()
    }
    definitions = share("Root", structural({"type": "object", "properties": branches}))
    assert len(definitions) == 3


@pytest.mark.e2e
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore::pydantic.json_schema.PydanticJsonSchemaWarning")
@pytest.mark.parametrize("name", pinned_schemas.SOURCES)
def test_a_committed_schema_is_what_the_pinned_software_gives_today(name):
    generated = pinned_schemas.text(pinned_schemas.SOURCES[name]())
    assert (pinned_schemas.FOLDER / name).read_text() == generated, "run: python -m serving.pinned_schemas"
