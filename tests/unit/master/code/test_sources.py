"""What is going to be copied as code, and what is refused before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code import sources
from master.code.sources import CodeRequest, find_sources
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
