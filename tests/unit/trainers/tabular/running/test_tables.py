"""Tables that several jobs read: once while one of them holds them, anew when their files have changed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.trainers.tabular.tables import columns, written
from tests.unit.trainers.tabular.test_run import request
from trainers.tabular.data.loading import Loaded
from trainers.tabular.data.reading.files import Files
from trainers.tabular.running.source import digest_of, source_of
from trainers.tabular.running.tables import Tables


def loaded(tables: Tables, folder: Path, **given: object) -> Loaded:
    source = source_of(request(folder, dict(given)))
    os.utime(folder / "rows.csv", ns=(0, 0))  # which was written anew
    return tables.load(source, Files.read)


def test_equal_sources_are_one_table_and_one_digest(tmp_path: Path) -> None:
    tables = Tables()
    first = loaded(tables, tmp_path, seeds=[1], folds=3)
    assert loaded(tables, tmp_path, seeds=[2], folds=3, fold=1, learning_rates=[0.1]) is first
    assert loaded(tables, tmp_path, seeds=[1], folds=2) is not first
    assert tables.digest(first.dataset) == digest_of(first.dataset)


def test_files_that_have_changed_are_read_again(tmp_path: Path) -> None:
    tables = Tables()
    source = source_of(request(tmp_path))
    first = tables.load(source, Files.read)
    written(tmp_path / "rows.csv", {name: [*values, values[0]] for name, values in columns().items()})
    assert tables.load(source, Files.read) is not first


def test_what_nobody_uses_is_let_go_but_for_the_last(tmp_path: Path) -> None:
    reads: list[int] = []

    def read(files: Files, wanted: object) -> dict[str, object]:
        reads.append(1)
        return files.read(wanted)  # type: ignore[arg-type, return-value]

    source = source_of(request(tmp_path))
    for tables, times in ((Tables(), 2), (Tables(last=1), 1)):
        reads.clear()
        for _ in range(2):
            tables.load(source, read)  # type: ignore[arg-type]
        assert len(reads) == times


def test_what_networks_learn_from_is_prepared_once_for_each_fold(tmp_path: Path) -> None:
    tables = Tables()
    dataset = loaded(tables, tmp_path, folds=3).dataset
    first = tables.prepare(dataset, "standard", ("none",), 0)
    assert tables.prepare(dataset, "standard", ("none",), 0) is first
    assert tables.prepare(dataset, "standard", ("none",), 1) is not first
    assert tables.prepare(dataset, "robust", ("none",), 0) is not first
    further = tables.prepare_by(dataset, first.statistics, 0)
    assert tables.prepare_by(dataset, [*first.statistics], 0) is further
    assert tables.prepare_by(dataset, first.statistics, 1) is not further
