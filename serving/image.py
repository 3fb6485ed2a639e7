"""The image that heads and workers run: what goes into it, and the tag that follows from that.

`python -m serving.image Pulumi.dev.yaml` builds and pushes it, with Docker; `make image` calls it.

Its tag names both versions and a digest of everything that is put on top of Ray's image. So a preview knows
the image without a registry, and no image with other code can go by the same name.
"""

import ast
import hashlib
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from inference_stack.engine.anyscale import BASE_IMAGE as ANYSCALE_BASE
from inference_stack.engine.versions import RAY, VLLM
from inference_stack.spec import (
    Environment,
    InvalidEnvironment,
    load,
    located,
    read,
    unpublished_findings,
)

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.name
DOCKERFILE = "Dockerfile"
BASES = {"ray": "docker.io/rayproject/ray-llm", "anyscale": ANYSCALE_BASE}
"""What it is built on, by runtime, without the tags, which the Dockerfile has."""

ENTRIES: tuple[str, ...] = ("app", "autoscaling", "proxy", "weights")
"""Modules that are loaded by their names: the application and the policy, as a Serve configuration has them,
the layer of Ray's proxies, as the Dockerfile has it, and the job that brings weights."""


def contents() -> dict[str, bytes]:
    """What an image is built from, by its path in the folder that is handed to Docker."""
    files = {f"{PACKAGE}/{name}.py": (FOLDER / f"{name}.py").read_bytes() for name in sorted(_modules())}
    return {DOCKERFILE: (FOLDER / DOCKERFILE).read_bytes(), **files}


def tag_of(files: Mapping[str, bytes], base: str) -> str:
    """The tag of an image that is built from these: `<ray>-vllm<vllm>-<12 digits of a digest>`."""
    digest = hashlib.sha256(base.encode())
    for path, content in sorted(files.items()):
        digest.update(f"\0{path}\0{len(content)}\0".encode())
        digest.update(content)
    return f"{RAY}-vllm{VLLM}-{digest.hexdigest()[:12]}"


@cache
def tag(runtime: str) -> str:
    """The tag of the image that is built from this folder as it is, for a runtime."""
    return tag_of(contents(), BASES[runtime])


def reference(environment: Environment) -> str:
    """The image of heads and workers of an environment, as it is pulled."""
    return environment.images.application(tag(environment.cluster.runtime))


def write(folder: Path) -> None:
    """Put what an image is built from into an empty folder."""
    for path, content in contents().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _modules() -> set[str]:
    """Our modules that run in the image: what a Serve configuration names, and what that imports."""
    found, waiting = {"__init__"}, [*ENTRIES]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imported(ast.parse((FOLDER / f"{name}.py").read_bytes())))
    return found


def _imported(module: ast.Module) -> Iterator[str]:
    """Modules beside this one that it imports: `from .name import …` and `from . import name`."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from (node.module,) if node.module else (each.name for each in node.names)


def build_command(environment: Environment, folder: Path) -> list[str]:
    """What has Docker build the image of an environment from such a folder, and push it.

    Raises ValueError where the environment names one image by its digest: that one is there already.
    """
    images = environment.images
    if images.pinned:
        raise ValueError(f"images.serving names one image, {images.serving}: there is nothing to build")
    platforms = ("linux/amd64", "linux/arm64") if images.arm64 else ("linux/amd64",)
    options = {
        "platform": ",".join(platforms),
        # From the mirror, where there is one.
        "build-arg": f"BASE={images.pulled(BASES[environment.cluster.runtime])}",
        "tag": reference(environment),
    }
    return [
        "docker",
        "buildx",
        "build",
        *(f"--{name}={said}" for name, said in options.items()),
        "--push",
        str(folder),
    ]


def main(file: Path) -> None:
    """Build and push the image of an environment, and print how its RayServices will name it."""
    asked = read(file)
    environment = load(asked.data, file=str(file), text=asked.text)
    if wrong := list(unpublished_findings(environment.images)):
        raise InvalidEnvironment(str(file), located(wrong, asked.text))
    with TemporaryDirectory() as folder:
        write(Path(folder))
        command = build_command(environment, Path(folder))
        print(shlex.join(command))
        subprocess.run(command, check=True)
    print(reference(environment))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except FileNotFoundError:
        sys.exit("docker is not on PATH; the line above says what it would do, on a machine that has it.")
    except (InvalidEnvironment, ValueError) as wrong:
        sys.exit(str(wrong))
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
