"""Records as lines, JSONL and CSV."""

from __future__ import annotations

import json
from pathlib import Path

from trainers.sae.records import Pace, Records, as_csv


def test_records_are_told_and_written(tmp_path: Path) -> None:
    said: list[str] = []
    records = Records(tmp_path, said.append)
    records.add({"step": 1, "loss": 0.123456})
    records.add({"step": 2, "fvu": 1.0})
    records.write()
    assert said == ["step 1  loss 0.1235", "step 2  fvu 1"]
    lines = (tmp_path / "train_log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records.kept
    assert (tmp_path / "train_log.csv").read_text() == "step,loss,fvu\n1,0.123456,\n2,,1.0\n"
    records.restore(records.kept[:1])
    assert len((tmp_path / "train_log.jsonl").read_text().splitlines()) == 1


def test_nothing_is_an_empty_table_and_pace_counts_what_is_left() -> None:
    assert as_csv([]) == "\n"
    assert Pace(0, 100).figures(100)["eta_seconds"] == 0.0
