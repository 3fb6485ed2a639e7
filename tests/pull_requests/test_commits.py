import subprocess
from pathlib import Path

import pytest

from pull_requests.commits import Repository, RepositoryError, environments, touched

NAMES = ("dev", "prod")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *who, *arguments],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a commit")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet")
    commit(made, requirements__lock="a==1\n", Pulumi__dev__yaml="x: 1\n", __gitignore=".venv\n")
    return made


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (["Pulumi.prod.yaml"], ["prod"]),
        (["Pulumi.prod.yaml", "docs/serving.md"], ["prod"]),
        (["components/stack.py"], ["dev", "prod"]),
        (["policies/levels.yaml", "Pulumi.dev.yaml"], ["dev", "prod"]),
        (["Pulumi.yaml"], ["dev", "prod"]),
        (["requirements.lock"], ["dev", "prod"]),
        (["docs/serving.md", "README.md", "tests/conftest.py", ".github/workflows/drift.yml"], []),
        ([], []),
    ],
)
def test_an_environment_is_touched_by_its_own_file_and_all_are_by_code(
    changed: list[str], names: list[str]
) -> None:
    assert touched(changed, NAMES) == names


def test_a_file_that_nobody_has_thought_of_touches_every_environment() -> None:
    assert touched(["new_room/program.py"], NAMES) == ["dev", "prod"]


def test_an_environment_is_known_by_its_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.eu-prod.yaml"):
        (tmp_path / name).touch()
    assert environments(tmp_path) == ["dev", "eu-prod"]


def test_the_base_is_the_commit_at_which_the_branch_left_it(folder: Path) -> None:
    left = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "--quiet", "-b", "feature")
    commit(folder, mine="1")
    git(folder, "checkout", "--quiet", "main")
    commit(folder, theirs="1")
    git(folder, "checkout", "--quiet", "feature")
    repository = Repository(folder)
    assert repository.base("main") == left
    assert repository.changed(left) == ["mine"]


def test_what_is_not_committed_yet_counts_as_changed(folder: Path) -> None:
    at = git(folder, "rev-parse", "HEAD")
    (folder / "Pulumi.dev.yaml").write_text("x: 2\n")
    (folder / "Pulumi.new.yaml").write_text("x: 2\n")
    (folder / ".venv").mkdir()
    assert Repository(folder).changed(at) == ["Pulumi.dev.yaml", "Pulumi.new.yaml"]


def test_a_base_that_is_not_there_is_an_error_that_says_how_to_get_it(folder: Path) -> None:
    with pytest.raises(RepositoryError, match="git fetch origin release"):
        Repository(folder).base("origin/release")


def test_a_base_without_a_common_commit_is_an_error(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "--orphan", "other")
    commit(folder, mine="1")
    with pytest.raises(RepositoryError, match="no commit that is here"):
        Repository(folder).base("main")


def test_the_tree_of_a_commit_has_our_packages_where_both_lock_the_same_and_is_gone_afterwards(
    folder: Path, tmp_path: Path
) -> None:
    at = git(folder, "rev-parse", "HEAD")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "marker").touch()
    commit(folder, Pulumi__dev__yaml="x: 2\n")
    with Repository(folder).tree(at, tmp_path / "tree") as tree:
        assert (tree / "Pulumi.dev.yaml").read_text() == "x: 1\n"
        assert (tree / ".venv" / "marker").exists()
    assert not (tmp_path / "tree").exists()
    assert (folder / ".venv" / "marker").exists()
    assert len(git(folder, "worktree", "list").splitlines()) == 1


def test_what_a_killed_run_left_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    at = git(folder, "rev-parse", "HEAD")
    (folder / ".venv").mkdir()
    git(folder, "worktree", "add", "--detach", str(tmp_path / "tree"), at)
    with Repository(folder).tree(at, tmp_path / "tree") as tree:
        assert (tree / ".venv").is_symlink()


def test_a_commit_that_locks_other_packages_gets_those(folder: Path, tmp_path: Path) -> None:
    bootstrap = folder / "localcloud"
    bootstrap.mkdir()
    (bootstrap / "bootstrap.py").write_text(
        "import pathlib, sys\n"
        "pathlib.Path('.venv').mkdir()\n"
        "pathlib.Path('.venv/asked').write_text(' '.join(sys.argv[1:]))\n"
    )
    at = commit(folder)
    commit(folder, requirements__lock="a==2\n")
    with Repository(folder).tree(at, tmp_path / "tree") as tree:
        assert (tree / ".venv" / "asked").read_text() == "--set preview"
