"""Where a project begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code.project_root import ProjectRoot, find_module, given_root, root_of_module, root_of_script
from master.errors import ConfigError, UsageError


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "project" / "src" / "deep" / "train.py"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_without_a_project_around_it_a_script_has_its_folder(script: Path, tmp_path: Path) -> None:
    for here in (tmp_path, script.parent, script.parents[1]):
        assert root_of_script(script, None, here) == ProjectRoot(script.parent, "the script's folder")


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_the_project_around_a_script_is_found(script: Path, tmp_path: Path, mark: str) -> None:
    top = script.parents[2]
    (top / mark).touch()
    for here in (tmp_path, top, tmp_path / "elsewhere"):
        assert root_of_script(script, None, here).path == top
    assert mark.strip(".").split(".")[0] in root_of_script(script, None, top).why


def test_the_nearest_project_counts(script: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (script.parents[1] / "pyproject.toml").touch()
    assert root_of_script(script, None, Path("/")).path == script.parents[1]


def test_where_the_user_stands_in_the_project_is_where_his_script_starts(script: Path) -> None:
    top = script.parents[2]
    (top / ".git").mkdir()
    for here in (script.parent, script.parents[1]):
        assert root_of_script(script, None, here) == ProjectRoot(here, "where the command was given")
    (top / "other").mkdir()
    assert root_of_script(script, None, top / "other").path == top


def test_a_home_directory_is_no_project(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(script.parents[2]))
    (script.parents[2] / ".git").mkdir()
    assert root_of_script(script, None, Path("/")).path == script.parent


def test_the_user_names_another(script: Path, tmp_path: Path) -> None:
    (script.parents[2] / ".git").mkdir()
    assert root_of_script(script, tmp_path, script.parent) == ProjectRoot(tmp_path, "--project-root")
    with pytest.raises(UsageError, match=r"--project-root .*other: .*train\.py does not lie in it"):
        (tmp_path / "other").mkdir()
        root_of_script(script, tmp_path / "other", tmp_path)


def test_a_root_that_cannot_be_is_refused(script: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(tmp_path / "pool")
    (tmp_path / "pool").symlink_to(loop)
    for path, says in ((tmp_path / "gone", "No such file"), (script, "is no folder"), (loop, "loop|levels")):
        with pytest.raises(UsageError, match=rf"--project-root .*{path.name}: .*({says})"):
            given_root(path)


def test_a_module_is_looked_for_where_the_user_stands(tmp_path: Path) -> None:
    for name in ("pkg/train.py", "pkg/tool/__main__.py", "single.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = root_of_module(None, tmp_path)
    assert find_module("pkg.train", root) == Path("pkg/train.py")
    assert find_module("pkg.tool", root) == Path("pkg/tool/__main__.py")
    assert find_module("single", root) == Path("single.py")
    assert root_of_module(tmp_path / "pkg", Path("/")).path == tmp_path / "pkg"


@pytest.mark.parametrize("name", ["pkg.trian", "pkg", "nowhere"])
def test_a_module_that_is_not_there_is_told_with_the_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    with pytest.raises(ConfigError, match=rf"-m {name}: there is neither .* in {tmp_path}.*--project-root"):
        find_module(name, root_of_module(None, tmp_path))


@pytest.mark.parametrize("name", ["", "a/b.py", "train.py-x", "..a", "a-b"])
def test_what_is_no_name_of_a_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="give a module's name"):
        find_module(name, root_of_module(None, tmp_path))
