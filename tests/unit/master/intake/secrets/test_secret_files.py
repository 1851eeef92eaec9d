"""What holds secrets does not travel with the code, whatever this command line names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.code.code_files import CodeFiles, find_code
from master.intake.secrets.secret_files import is_cluster_config, named_by, secret_in

CONFIG = {"servers": [{"host": "lab1"}]}


def look(folder: Path) -> CodeFiles:
    (folder / "train.py").write_text("")
    return find_code(folder, [Path("train.py")], [])


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cluster_config.json", "not JSON at all"),
        ("cluster_config_lab.yml", ""),
        ("machines.json", json.dumps(CONFIG)),
        ("lab.yaml", "servers:\n  - {host: lab1}\n"),
    ],
)
def test_a_cluster_config_that_no_command_names_does_not_travel(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    found = look(tmp_path)
    assert found.files == (Path("train.py"),)
    assert found.left_out == (f"{name}: a cluster config may hold secrets and is not copied",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jobs.json", '{"jobs": []}'),
        ("other.json", '{"servers": 3}'),
        ("proxy.yaml", "servers:\n  - port: 80\n"),
        ("damaged.yaml", "servers: [host: {"),
        ("cluster_config.py", "servers = []"),
        ("list.json", "[1]"),
    ],
)
def test_what_is_none_travels(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert not is_cluster_config(tmp_path / name)
    assert look(tmp_path).left_out == ()


def test_files_of_secrets_that_a_config_in_the_folder_names_do_not_travel(tmp_path: Path) -> None:
    servers = [{"host": "lab1", "env_file": "sub/lab1.variables"}, "lab2"]
    config = {"servers": servers, "notify": {"addresses": "told"}, "env_file": "variables"}
    (tmp_path / "lab.json").write_text(json.dumps(config))
    (tmp_path / "sub").mkdir()
    for name in ("told", "variables", "sub/lab1.variables", "other"):
        (tmp_path / name).write_text("A=1\n")
    found = look(tmp_path)
    assert found.files == (Path("train.py"), Path("other"))
    named = [line.partition(": a cluster config beside it names it")[0] for line in found.left_out]
    assert sorted(name for name in named if "lab.json" not in name) == [
        "sub/lab1.variables",
        "told",
        "variables",
    ]


def test_a_notify_in_short_and_one_that_is_elsewhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text(json.dumps({**CONFIG, "notify": "~/told"}))
    assert list(named_by(tmp_path / "lab.json")) == [Path("~/told").expanduser()]
    (tmp_path / "lab.json").write_text("[]")
    assert list(named_by(tmp_path / "lab.json")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("told", "# mine\n\nntfys://topic\nteam = mailto://me:secret@example.org\n"),
        ("told.yaml", "urls:\n  - json://example.org\n"),
    ],
)
def test_addresses_that_only_the_user_may_read_do_not_travel(name: str, text: str, tmp_path: Path) -> None:
    path = private(tmp_path / name, text)
    assert [line.partition(" and ")[0] for line in look(tmp_path).left_out] == [
        f"{name}: only you may read it"
    ]
    path.chmod(0o644)
    assert look(tmp_path).left_out == ()


@pytest.mark.parametrize("text", ["", "# none\n", "ntfys://topic\nword\n", "lr = 0.1\n"])
def test_a_private_file_of_something_else_travels(text: str, tmp_path: Path) -> None:
    assert secret_in(private(tmp_path / "values", text)) == ""
