import pytest

from tests.engine.edited import APPLICATION, Edit, editor, faults


@pytest.fixture
def edit_apart(apart) -> Edit:
    return editor(apart)


def test_what_we_emit_of_a_disaggregated_model_has_no_fault(apart):
    assert faults(apart) == []


@pytest.mark.parametrize("side", ["prefill_config", "decode_config"])
@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (lambda side: side.update(engine={}), "unknown-key", "engine"),
        (
            lambda side: side["engine_kwargs"].update(max_model_length=1),
            "unknown-argument",
            "engine_kwargs.max_model_length",
        ),
        (
            lambda side: side["engine_kwargs"].pop("kv_transfer_config"),
            "prefill-without-transfer",
            "engine_kwargs.kv_transfer_config",
        ),
        (
            lambda side: side["deployment_config"].update(max_ongoing_requests=0),
            "value-not-allowed",
            "deployment_config.max_ongoing_requests",
        ),
        (
            lambda side: side["model_loading_config"].pop("model_id"),
            "missing-key",
            "model_loading_config.model_id",
        ),
    ],
)
def test_a_fault_of_either_side_of_a_disaggregated_model_is_told(edit_apart, side, change, code, path):
    found = edit_apart(lambda app: change(app["args"][side]))
    assert (code, f"{APPLICATION}.args.{side}.{path}") in {(each.code, each.path) for each in found}


@pytest.mark.parametrize("key", ["llm_configs", "prefill"])
def test_a_key_that_a_disaggregated_application_does_not_have_is_told(edit_apart, key):
    (finding,) = edit_apart(lambda app: app["args"].update({key: []}))
    assert (finding.code, finding.path) == ("unknown-key", f"{APPLICATION}.args.{key}")


def test_a_disaggregated_application_needs_both_sides(edit_apart):
    found = edit_apart(lambda app: app["args"].pop("prefill_config"))
    assert ("missing-key", f"{APPLICATION}.args.prefill_config") in {(each.code, each.path) for each in found}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            lambda side: side["model_loading_config"].update(model_id="other"),
            "model_loading_config.model_id",
        ),
        (lambda side: side.pop("lora_config"), "lora_config.dynamic_lora_loading_path"),
        (
            lambda side: side["engine_kwargs"]["kv_transfer_config"].update(
                kv_connector="OffloadingConnector"
            ),
            "engine_kwargs.kv_transfer_config.kv_connector",
        ),
    ],
)
def test_two_sides_that_could_not_work_together_are_told(edit_apart, change, path):
    (finding,) = edit_apart(lambda app: change(app["args"]["decode_config"]))
    assert (finding.code, finding.path) == (
        "prefill-decode-differ",
        f"{APPLICATION}.args.prefill_config.{path}",
    )


def test_two_sides_of_other_sizes_work_together(edit_apart):
    assert edit_apart(lambda app: app["args"]["prefill_config"]["engine_kwargs"].update(max_num_seqs=4)) == []


@pytest.mark.parametrize("arguments", [None, [], {}, {"prefill_config": 1, "decode_config": []}])
def test_arguments_that_are_none_are_told_and_not_a_crash(edit_apart, arguments):
    assert edit_apart(lambda app: app.update(args=arguments))
