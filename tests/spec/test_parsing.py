from typing import Any

import pytest

from inference_stack.spec import InvalidEnvironment, Unparsed, load, parse

Asked = dict[str, Any]


def codes(asked: Asked) -> dict[str, str]:
    with pytest.raises(InvalidEnvironment) as raised:
        load(asked, file="Pulumi.test.yaml")
    return {finding.path: finding.code for finding in raised.value.findings}


def test_an_environment_without_faults_is_read(asked: Asked) -> None:
    environment = load(asked, file="Pulumi.test.yaml")
    assert environment.listed_pools[0].nodes.min == 0
    assert environment.models[0].placement != "auto"


def test_what_could_not_be_read_is_absent_and_the_rest_is_there(asked: Asked) -> None:
    asked["models"][0]["concurrency"] = "many"
    environment, findings = parse(asked)
    assert [finding.path for finding in findings] == ["models[0].concurrency"]
    assert environment.models[0].context_tokens == 8192
    with pytest.raises(Unparsed):
        _ = environment.models[0].concurrency


def test_a_misspelt_required_key_is_told_once(asked: Asked) -> None:
    asked["regoin"] = asked.pop("region")
    assert codes(asked) == {"regoin": "unknown-key"}


def test_a_misspelt_optional_key_is_not_replaced_by_its_default(asked: Asked) -> None:
    asked["models"][0]["concurency"] = 500
    environment, _ = parse(asked)
    with pytest.raises(Unparsed):
        _ = environment.models[0].concurrency


def test_a_required_key_that_nothing_resembles_is_told_as_missing(asked: Asked) -> None:
    del asked["storage_account"]
    assert codes(asked) == {"storage_account": "missing-key"}


def test_a_wrong_item_does_not_make_its_list_too_short(asked: Asked) -> None:
    asked["pools"] = ["slices"]
    assert codes(asked) == {"pools[0]": "wrong-type"}


def test_an_empty_list_is_too_short(asked: Asked) -> None:
    asked["models"] = []
    assert codes(asked) == {"models": "out-of-range"}


@pytest.mark.parametrize("value", ["4", True, 4.5, None, [4]])
def test_nothing_is_converted_to_a_whole_number(asked: Asked, value: object) -> None:
    asked["pools"][0]["nodes"]["max"] = value
    assert codes(asked) == {"pools[0].nodes.max": "wrong-type"}


def test_a_placement_that_is_neither_form_is_told_once(asked: Asked) -> None:
    asked["models"][0]["placement"] = "automatic"
    with pytest.raises(InvalidEnvironment) as raised:
        load(asked, file="Pulumi.test.yaml")
    (finding,) = raised.value.findings
    assert (finding.path, finding.allowed) == ("models[0].placement", "auto, or keys pool, gpus, pipeline")


def test_an_index_after_an_unreadable_item_still_counts_from_the_file(asked: Asked) -> None:
    asked["models"] = ["first", asked["models"][0] | {"replicas": {"min": 3, "max": 1}}]
    assert codes(asked) == {"models[0]": "wrong-type", "models[1].replicas.min": "bounds-reversed"}


def test_a_long_value_is_not_repeated_in_full(asked: Asked) -> None:
    secret = "s3cret" * 40
    asked |= {"region": secret, "tags": secret, "network": {"pods": secret}, "budget": {secret: 1}}
    with pytest.raises(InvalidEnvironment) as raised:
        load(asked, file="Pulumi.test.yaml")
    assert all(len(finding.given or "") <= 62 for finding in raised.value.findings)
    assert secret not in str(raised.value).replace(f"budget.{secret}", "")


@pytest.mark.parametrize("value", ["a text", ["a list"], 7])
def test_an_environment_that_is_no_group_of_keys_is_told_as_such(value: Any) -> None:
    assert codes(value) == {"environment": "wrong-type"}
