"""What is going to be copied as code, and what is refused before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code import sources
from master.code.sources import CodeRequest, find_project, find_sources
from master.errors import ConfigError, UsageError


def script(folder: Path, name: str = "train.py", mode: int = 0o644) -> Path:
    path = folder / name
    path.write_text("print(1)\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("train.py", ("{python}", "train.py")),
        ("-train.py", ("{python}", "./-train.py")),
        ("train", ("./train",)),
    ],
)
def test_a_script_is_started_in_the_root_of_its_project(
    tmp_path: Path, name: str, argv: tuple[str, ...]
) -> None:
    found = find_sources(CodeRequest(script(tmp_path, name, 0o755), here=tmp_path))
    assert (found.root, found.entry, found.argv) == (tmp_path, Path(name), argv)
    assert found.total_bytes == len("print(1)\n")


def test_files_that_the_command_line_names_are_remembered_but_for_the_entry(tmp_path: Path) -> None:
    path = script(tmp_path)
    jobs = script(tmp_path, "jobs.json")
    request = CodeRequest(path, here=tmp_path, named=(path, jobs, tmp_path.parent / "elsewhere.json"))
    assert find_sources(request).named == {"jobs.json"}


def test_a_file_of_keys_is_no_code_wherever_it_lies(tmp_path: Path) -> None:
    keys, notes = script(tmp_path, "keys.txt"), script(tmp_path, "notes.txt")
    found = find_sources(CodeRequest(script(tmp_path), here=tmp_path, written_by_runs=(keys,)))
    assert set(map(str, found.files)) == {"train.py", notes.name}
    assert "keys.txt: may hold secrets" in found.passed_over


def test_a_script_that_cannot_be_started_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such script"):
        find_sources(CodeRequest(tmp_path / "train.py", here=tmp_path))
    with pytest.raises(ConfigError, match=r"neither a .py file nor executable; `chmod \+x` it"):
        find_sources(CodeRequest(script(tmp_path, "train.sh"), here=tmp_path))


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(UsageError, match="give --script-path, -m or --trainer"):
        find_sources(CodeRequest())


def test_more_code_than_can_be_copied_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 3)
    with pytest.raises(ConfigError, match="of files lie beside the script"):
        find_sources(CodeRequest(script(tmp_path), here=tmp_path))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "src/train.py", "src/-c.py", "src/pkg/run.py", "run.sh", "jobs.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "run.sh").chmod(0o755)
    return tmp_path


def test_a_script_is_started_by_its_path_from_the_root(project: Path) -> None:
    found = find_sources(CodeRequest(project / "src" / "train.py"))
    assert (found.root, found.entry) == (project, Path("src/train.py"))
    assert found.argv == ("{python}", "src/train.py")
    assert found.why_root == "the folder with pyproject.toml"
    assert (len(found.files), found.total_bytes) == (6, 6)


@pytest.mark.parametrize(
    ("script", "argv"),
    [("run.sh", ("./run.sh",)), ("src/-c.py", ("{python}", "src/-c.py"))],
)
def test_other_scripts(project: Path, script: str, argv: tuple[str, ...]) -> None:
    assert find_sources(CodeRequest(project / script)).argv == argv


def test_a_module_is_started_by_its_name(project: Path) -> None:
    found = find_sources(CodeRequest(module="pkg.run", here=project / "src"))
    assert (found.root, found.entry) == (project / "src", Path("pkg/run.py"))
    assert found.argv == ("{python}", "-m", "pkg.run")
    assert find_sources(CodeRequest(module="src.pkg.run", project_root=project)).root == project


def test_a_script_in_the_home_directory_may_be_written_with_a_tilde(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project))
    found = find_sources(CodeRequest(Path("~/src/train.py")))
    assert (found.root, found.why_root) == (project / "src", "the script's folder")


def test_a_loop_of_links_is_no_script(project: Path) -> None:
    (project / "a.py").symlink_to(project / "b.py")
    (project / "b.py").symlink_to(project / "a.py")
    with pytest.raises(ConfigError, match=r"a\.py: there is no such script"):
        find_sources(CodeRequest(project / "a.py"))


def test_a_project_is_found_without_anything_to_start(project: Path) -> None:
    found = find_project(project, [Path("run.sh")], [project / "src"])
    assert found.files == (Path("run.sh"), Path("jobs.json"), Path("pyproject.toml"))
    assert (found.argv, found.passed_over) == ((), ("src/: written by runs",))
