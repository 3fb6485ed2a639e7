"""The TypeScript SDK of the component package, made by Pulumi's generator, in TypeScript's own compiler."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from components.__main__ import package
from localcloud.stack import PROJECT
from localcloud.toolchain.pins import BUILD_FLAGS

pytestmark = pytest.mark.e2e

TYPESCRIPT = {"typescript": "5.9.3", "@pulumi/pulumi": "3.276.0", "@types/node": "20.9.5"}
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "target": "es2020",
    "module": "commonjs",
    "moduleResolution": "node",
    "skipLibCheck": True,
}
PROGRAM = """
import * as pulumi from "@pulumi/pulumi";
import * as platform from "./sdk";

const pool = new platform.GpuNodePool("gpus", {
    resourceGroupName: "rg",
    clusterName: pulumi.output("aks"),
    pool: "gpus",
    sku: "Standard_NC40ads_H100_v5",
    nodes: { max: 2 },
    mig: { profile: "MIG2g" },
    tags: { costCentre: pulumi.secret("42") },
});
new platform.InferenceStack("here", {
    environment: {
        region: "swedencentral",
        storageAccount: "acmeweights",
        models: [{ name: "chat", source: "Qwen/Qwen3-8B", contextTokens: 8192 }],
    },
});
export const resource: pulumi.Output<string> = pool.resource;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program's folder with the SDK in it, and what compiles it."""
    made = tmp_path_factory.mktemp("typescript")
    for pinned in ("go.mod", "go.sum"):
        shutil.copy(PROJECT / "localcloud" / "toolchain" / "go" / "pulumi" / pinned, made)
    shutil.copy(Path(__file__).with_name("typescript_sdk.go"), made / "main.go")
    # With the flags of the engine itself, so that what was compiled for it is not compiled again.
    subprocess.run(["go", "build", *BUILD_FLAGS, "-o", "generate", "."], cwd=made, check=True)  # noqa: S607
    schema = package().schema or ""
    subprocess.run([made / "generate", made / "sdk"], input=schema, text=True, check=True)
    (made / "package.json").write_text(json.dumps({"name": "consumer", "dependencies": TYPESCRIPT}))
    (made / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["index.ts"]}))
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"],  # noqa: S607
        cwd=made,
        check=True,
    )
    return made


def compiled(folder: Path, program: str) -> list[str]:
    """What TypeScript says to a program; nothing to a right one."""
    (folder / "index.ts").write_text(program)
    compiler = folder / "node_modules" / ".bin" / "tsc"
    ran = subprocess.run([compiler, "-p", "."], cwd=folder, capture_output=True, text=True, check=False)
    return ran.stdout.splitlines()


def test_a_program_that_uses_every_kind_of_argument_compiles(folder: Path) -> None:
    assert compiled(folder, PROGRAM) == []


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("max: 2", "max: 'two'", "number"),
        ("contextTokens: 8192", "context: 8192", "context"),
        ('pool: "gpus",', "", "pool"),
    ],
)
def test_what_the_schema_does_not_take_does_not_compile(
    folder: Path, right: str, wrong: str, named: str
) -> None:
    told = "\n".join(compiled(folder, PROGRAM.replace(right, wrong)))
    assert "index.ts" in told
    assert named in told
