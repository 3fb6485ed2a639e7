"""What goes into the image, and the tag that follows from it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_stack.engine import versions
from inference_stack.spec import Environment, Images, load, unpublished_findings
from serving.image import BASES, PACKAGE, build_command, contents, reference, tag, tag_of, write

PROJECT = Path(__file__).parents[2]
DIGEST = "@sha256:" + "4c4e1d" * 10 + "abcd"

Build = Callable[..., list[str]]


@pytest.fixture
def environment(asked: dict[str, Any]) -> Callable[..., Environment]:
    """An environment with these images."""

    def made(runtime: str = "ray", **images: Any) -> Environment:
        return load(asked | {"images": images, "cluster": {"runtime": runtime}}, file="Pulumi.test.yaml")

    return made


@pytest.fixture
def build(environment: Callable[..., Environment], tmp_path: Path) -> Build:
    """The command that builds the image of an environment with these images."""
    return lambda **asked: build_command(environment(**asked), tmp_path)


def test_the_tag_names_both_versions_and_a_digest() -> None:
    assert re.fullmatch(rf"{versions.RAY}-vllm{versions.VLLM}-[0-9a-f]{{12}}", tag("ray"))
    assert tag("ray") == tag_of(contents(), BASES["ray"])


def test_whatever_changes_in_it_is_another_tag() -> None:
    files = contents()
    others = [{**files, path: content + b"\n"} for path, content in files.items()]
    others += [{**files, f"{PACKAGE}/more.py": b""}, {path: files[path] for path in list(files)[1:]}]
    assert len({tag_of(each, BASES["ray"]) for each in (files, *others)}) == 1 + len(others)
    assert tag("anyscale") != tag("ray")


def test_the_order_of_files_does_not_matter_and_their_borders_do() -> None:
    files = contents()
    assert tag_of(dict(reversed(files.items())), "base") == tag_of(files, "base")
    assert tag_of({"a": b"bc"}, "base") != tag_of({"ab": b"c"}, "base")


def test_what_runs_goes_in_and_what_writes_schemas_down_does_not() -> None:
    modules = {Path(path).stem for path in contents()}
    assert {"app", "ingress", "server", "autoscaling", "signals", "frozen"} <= modules
    assert not modules & {"image", "pinned_schemas", "engine_arguments", "declared_arguments"}


def test_all_of_it_is_written_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path)
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert written == set(contents())


def test_the_dockerfile_and_the_lock_have_the_versions_that_configurations_are_written_for() -> None:
    told = dict(re.findall(r"^ARG (\w+)=(.+)$", contents()["Dockerfile"].decode(), re.MULTILINE))
    locked = dict(
        re.findall(r"^(ray|vllm)==(\S+)", (PROJECT / "requirements.lock").read_text(), re.MULTILINE)
    )
    assert (told["RAY"], told["VLLM"]) == (versions.RAY, versions.VLLM)
    assert locked == {"ray": versions.RAY, "vllm": versions.VLLM}


@pytest.mark.parametrize(
    ("images", "pulled"),
    [
        ({"serving": "acme.azurecr.io/serving"}, f"acme.azurecr.io/serving:{tag('ray')}"),
        ({"serving": "localhost:5000/a/serving"}, f"localhost:5000/a/serving:{tag('ray')}"),
        ({"registry": "acme.azurecr.io/mirror"}, f"acme.azurecr.io/mirror/inference-serving:{tag('ray')}"),
        (
            {"registry": "acme.azurecr.io", "serving": "ghcr.io/acme/serving"},
            f"acme.azurecr.io/acme/serving:{tag('ray')}",
        ),
        ({"serving": f"acme.azurecr.io/serving{DIGEST}"}, f"acme.azurecr.io/serving{DIGEST}"),
    ],
)
def test_an_environment_names_the_repository_and_the_code_the_tag(
    environment: Callable[..., Environment], images: dict[str, str], pulled: str
) -> None:
    assert reference(environment(**images)) == pulled
    assert not list(unpublished_findings(environment(**images).images))


@pytest.mark.parametrize("images", [{}, {"serving": "acme/serving"}])
def test_an_image_that_lies_in_no_registry_is_told(images: dict[str, str]) -> None:
    (found,) = unpublished_findings(Images.model_validate(images))
    assert (found.path, found.code) == ("images.serving", "image-without-registry")


def test_it_is_built_for_the_architectures_of_the_environment_and_pushed_as_it_is_named(build: Build) -> None:
    for arm64, platforms in ((False, "linux/amd64"), (True, "linux/amd64,linux/arm64")):
        command = build(serving="acme.azurecr.io/serving", arm64=arm64)
        assert f"--platform={platforms}" in command
        assert f"--tag=acme.azurecr.io/serving:{tag('ray')}" in command
        assert "--push" in command


def test_it_is_built_on_the_mirrors_copy_of_rays_image(build: Build) -> None:
    assert "--build-arg=BASE=docker.io/rayproject/ray-llm" in build(serving="acme.azurecr.io/serving")
    assert "--build-arg=BASE=acme.azurecr.io/m/rayproject/ray-llm" in build(registry="acme.azurecr.io/m")


def test_under_anyscales_runtime_it_is_built_on_anyscales_image_and_has_another_name(
    environment: Callable[..., Environment], build: Build
) -> None:
    asked = {"serving": "acme.azurecr.io/serving", "runtime": "anyscale"}
    assert "--build-arg=BASE=docker.io/anyscale/ray-llm" in build(**asked)
    assert f"--tag={reference(environment(**asked))}" in build(**asked)
    assert reference(environment(**asked)) != reference(environment(**asked | {"runtime": "ray"}))


def test_an_image_that_is_named_by_its_digest_is_not_built(build: Build) -> None:
    with pytest.raises(ValueError, match="there is nothing to build"):
        build(serving=f"acme.azurecr.io/serving{DIGEST}")
