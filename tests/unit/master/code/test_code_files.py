"""What is no code, and is said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code import code_files
from master.code.code_files import CodeFiles, TooMuchCode, find_code
from master.code.sources import CodeRequest, find_sources
from master.errors import ConfigError
from master.intake.secrets.secret_files import is_secret


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def look(folder: Path, *not_code: str) -> CodeFiles:
    return find_code(folder, [Path("train.py")], [folder / name for name in not_code])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "train.py")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [".env", ".env.local", "a/server.pem", "id_rsa", "keys/id_ed25519", "x.KEY", ".ssh/config", ".netrc"],
)
def test_what_may_hold_a_secret_does_not_travel_and_is_told(project: Path, name: str) -> None:
    write(project, name)
    found = look(project)
    assert found.files == (Path("train.py"),)
    assert len(found.left_out) == 1 and found.left_out[0].startswith(f"{name}: may hold a secret")


@pytest.mark.parametrize(
    "begin",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----",
        "PuTTY-User-Key-File-3: x",
    ],
)
def test_a_private_key_by_any_name_does_not_travel(project: Path, begin: str) -> None:
    (project / "notes.txt").write_text(f"{begin}\nb3BlbnNzaC1rZXktdjEA\n")
    (project / "public.txt").write_text("-----BEGIN CERTIFICATE-----\n")
    found = look(project)
    assert found.files == (Path("train.py"), Path("public.txt"))
    assert [text.split(" and ")[0] for text in found.left_out] == ["notes.txt: holds a private key"]


@pytest.mark.parametrize("name", [".env.example", "id_rsa.pub", "environment.py", "keys.py", "env", "monkey"])
def test_what_holds_none_travels(name: str) -> None:
    assert not is_secret(Path("/project", name))


def test_what_runs_write_is_no_code(project: Path) -> None:
    write(project, "state/agents/a.pyz", "run/x.py", "experiments/a.py", "build/lib.py", "pkg/wandb/x")
    found = look(project, "state", "run", "elsewhere")
    assert found.files == (Path("train.py"),)
    assert found.passed_over == (
        "build/: taken for a product outside a git checkout",
        "experiments/: the name of a folder for results",
        "pkg/wandb/: the name of a folder for results",
        "run/: written by runs",
        "state/: written by runs",
    )


def test_the_logs_and_the_table_of_a_run_are_no_code(project: Path) -> None:
    logs = ("phase1_base_models.json", "phase2_experiments.json", "phase2_experiments.csv")
    write(project, *logs, *(f"runs/b/{name}" for name in logs), "runs/b/.twophase/lock", "data/x.csv")
    write(project, "theirs/phase2_experiments.csv")
    assert look(project).files == tuple(
        map(Path, ("train.py", "data/x.csv", "theirs/phase2_experiments.csv"))
    )


def test_a_folder_without_end_is_refused_with_advice(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_files, "MAX_FILES", 10)
    write(project, *(f"data/{number}.txt" for number in range(9)))
    assert len(look(project).files) == 10
    write(project, "data/x.txt")
    with pytest.raises(TooMuchCode, match=r"more than 10 files.*\.gitignore.*`data`") as caught:
        look(project)
    with pytest.raises(ConfigError, match=r"more than 10 files.*`data`.*; or name a smaller --project-root$"):
        find_sources(CodeRequest(project / "train.py", here=project))
    assert caught.value.source == str(project)


def test_the_look_ends_early_where_there_is_no_end(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_files, "MAX_FILES", 10)
    write(project, *(f"{number}/x.txt" for number in range(100)))
    looked = 0

    def counting(self: object, folder: Path) -> bool:
        nonlocal looked
        looked += 1
        return True

    monkeypatch.setattr(code_files._Search, "_may_hold_code", counting)
    with pytest.raises(ConfigError, match="more than 10 files"):
        look(project)
    assert looked == 100  # of the top, none of what is below


def test_a_loop_of_links_ends(project: Path) -> None:
    (project / "self").symlink_to(project)
    (project / "a").symlink_to(project / "b")
    (project / "b").symlink_to(project / "a")
    found = look(project)
    assert found.files == (Path("train.py"),)
    assert [text.split(":")[0] for text in found.left_out] == ["a", "b", "self"]
