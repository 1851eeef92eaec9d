"""What `twophase init` refuses before it looks at anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs.init import main, next_steps


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hosts", "none", "--yes"], "no worker is wanted"),
        (["--yes"], "nobody can be asked here: give --hosts lab1,lab2"),
        (["--hosts", "99", "--yes"], "99 is none of the"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.json"
    assert main(["--cluster-config", str(path), *words]) == 2
    assert says in capsys.readouterr().err.splitlines()[0]
    assert not path.exists()


def test_a_config_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.json"
    path.write_text("mine")
    assert main(["--cluster-config", str(path), "--here", "--hosts", "none", "--yes"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_what_comes_next_finds_the_config_by_itself_or_by_its_name() -> None:
    _, by_flags, by_file = next_steps(Path("cluster_config.json")).splitlines()
    assert by_flags.split() == ["twophase", "plan", "--script-path", "train.py", "--grid", "lr=1e-3,1e-4"]
    assert by_file.split() == ["twophase", "plan", "--script-path", "train.py", "--jobs-config", "jobs.json"]
    assert "plan --cluster-config 'my lab.json' --script-path" in next_steps(Path("my lab.json"))
