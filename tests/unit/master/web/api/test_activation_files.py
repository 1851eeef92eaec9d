"""Files below a root, and data of workers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.storage.run_layout import RunLayout, inputs_of
from master.web.api.activation_files import FOLDER, ActivationFiles, Activations
from master.web.api.errors import Wrong
from worker_agent.protocol.digests import content_hash, digest_directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "deep").mkdir(parents=True)
    (folder / "acts.parquet").write_bytes(b"rows")
    (folder / "deep" / "odd name.x;rm").write_bytes(b"more")
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "in").symlink_to(folder / "acts.parquet")
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")


@pytest.fixture
def files(root: Path, layout: RunLayout) -> ActivationFiles:
    return ActivationFiles(layout, [root])


def kept(layout: RunLayout, found: Activations) -> Path:
    """Return where the content lies that travels, which is what its hash says."""
    folder = inputs_of(layout, found.inputs[FOLDER])
    assert content_hash(digest_directory(folder)) == found.inputs[FOLDER]
    return folder


def test_a_file_below_a_root_travels_by_its_content(files: ActivationFiles, layout: RunLayout) -> None:
    found = files.find("acts.parquet", [])
    assert found.path == f"{FOLDER}/activations.parquet"
    assert (kept(layout, found) / "activations.parquet").read_bytes() == b"rows"
    assert files.find("in", []).inputs.keys() == {FOLDER}


def test_the_name_of_a_file_reaches_no_command(files: ActivationFiles) -> None:
    assert files.find("deep/odd name.x;rm", []).path == f"{FOLDER}/activations"


def test_an_absolute_path_below_a_root_will_do(files: ActivationFiles, root: Path) -> None:
    assert files.find(str(root / "acts.parquet"), []) == files.find("acts.parquet", [])


@pytest.mark.parametrize(
    "asked",
    [
        "none",
        "../secret",
        "out",
        "/etc/passwd",
        "deep",
        "",
        ".",
        "a\0b",
        "x" * 5000,
        "\ud800",
        "deep/../../secret",
    ],
)
def test_what_is_no_file_below_a_root_is_refused(
    asked: str, files: ActivationFiles, layout: RunLayout
) -> None:
    with pytest.raises(Wrong, match="activation_data_path") as refused:
        files.find(asked, [])
    assert refused.value.status == 400 and not (layout.state / "inputs").exists()


def test_data_of_the_workers_goes_by_its_name(files: ActivationFiles) -> None:
    assert files.find("data/set/a.npy", ["data/set"]) == Activations("data/set/a.npy")
    for asked in ("data/settle/a.npy", "data", "data/set/../../x", "/data/set"):
        with pytest.raises(Wrong):
            files.find(asked, ["data/set"])


def test_without_a_root_it_is_said_how_to_give_one(layout: RunLayout) -> None:
    with pytest.raises(Wrong, match="--data-root DIR"):
        ActivationFiles(layout, []).find("acts.parquet", [])


def test_a_file_that_has_changed_is_another_content(
    files: ActivationFiles, layout: RunLayout, root: Path
) -> None:
    before = files.find("acts.parquet", [])
    assert files.find("acts.parquet", []) == before
    (root / "acts.parquet").write_bytes(b"other rows")  # in its place: also the second name sees it
    after = files.find("acts.parquet", [])
    assert after != before
    (root / "acts.parquet").write_bytes(b"rows")
    assert files.find("acts.parquet", []) == before
    kept(layout, before)


def test_what_cannot_be_linked_is_copied(
    files: ActivationFiles, layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuses)
    assert (kept(layout, files.find("acts.parquet", [])) / "activations.parquet").read_bytes() == b"rows"


def test_what_cannot_be_read_is_told(files: ActivationFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.copyfile", refuses)
    monkeypatch.setattr(os, "link", refuses)
    with pytest.raises(Wrong, match=r"acts\.parquet' cannot be read: Permission denied"):
        files.find("acts.parquet", [])
