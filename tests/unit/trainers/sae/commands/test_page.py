"""`train_sae page`: from a training's files to one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.trainers.sae.data import quiet, request, write
from trainers.sae.cli import main
from trainers.sae.run import Request


def test_a_training_writes_its_page_and_the_command_writes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "out"
    quiet(Request(**{**vars(request(out, write(tmp_path))), "exports": ("page",), "model_name": "<m>"}))
    first = (out / "page.html").read_text()
    assert "Sparse autoencoder of &lt;m&gt;, layer 3" in first and '"latents": 48' in first
    assert (out / "features.parquet").exists()
    assert main(["page", str(out), "--output", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_text() == first
    assert "again.html:" in capsys.readouterr().out


def test_a_folder_without_a_training_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", str(tmp_path)]) == 2
    assert "one training's results are wanted, found 0" in capsys.readouterr().err
    (tmp_path / "sae_layer_1_metadata.json").write_text("{}")
    for content, message in ((None, "missing or not JSON"), ("[]", "must be a JSON object")):
        if content:
            (tmp_path / "evaluation.json").write_text(content)
        assert main(["page", str(tmp_path)]) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "evaluation.json").write_text(json.dumps({"fvu": 0.5}))
    assert main(["page", str(tmp_path)]) == 0, "a page without curves and features"
    (tmp_path / "train_log.jsonl").write_text("{")
    assert main(["page", str(tmp_path)]) == 2
