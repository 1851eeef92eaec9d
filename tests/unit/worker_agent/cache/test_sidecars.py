"""What the files of an artefact look like."""

from __future__ import annotations

from pathlib import Path

from worker_agent.cache.sidecars import look, sidecar_of
from worker_agent.protocol.layout import WorkLayout


def test_each_file_has_a_row_with_its_size_in_the_order_of_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_text("22")
    (tmp_path / "a").write_text("1")
    assert [row[:2] for row in look(str(tmp_path))] == [("a", 1), ("b/two", 2)]


def test_a_file_that_was_replaced_looks_different(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "other"
    file.write_text("1")
    before = look(str(tmp_path))
    assert look(str(tmp_path)) == before
    other.write_text("2")
    other.replace(file)
    assert look(str(tmp_path)) != before


def test_what_python_leaves_and_what_links_lead_to_does_not_count(tmp_path: Path) -> None:
    place = tmp_path / "artefact"
    (place / "__pycache__").mkdir(parents=True)
    (place / "__pycache__" / "x.pyc").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    (place / "folder").symlink_to(tmp_path / "outside")
    (place / "loop").symlink_to("loop")
    assert look(str(place)) == []


def test_what_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert look(str(tmp_path / "nothing")) == []


def test_the_sidecar_lies_beside_its_artefact() -> None:
    layout = WorkLayout(Path("/work"))
    assert sidecar_of(layout, "a" * 64) == layout.cached("a" * 64).parent / f"{'a' * 64}.stat.json"
