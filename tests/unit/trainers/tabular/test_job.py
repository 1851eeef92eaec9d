"""One job from its request to its end: what is printed, and where."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.unit.trainers.tabular.test_run import request
from trainers.common.errors import TrainerError
from trainers.tabular.cli import build_parser
from trainers.tabular.job import Place, job_of
from trainers.tabular.running.together import run_alone


def test_figures_as_json_are_printed_apart_from_all_else(tmp_path: Path) -> None:
    for words, printed in (([], False), (["--json"], True)):
        stream, errors = io.StringIO(), io.StringIO()
        arguments = build_parser().parse_args(words)
        run_alone(job_of(arguments, request(tmp_path, overwrite=True), Place(None, stream, errors)))
        lines, others = (errors, stream) if printed else (stream, errors)
        assert lines.getvalue().startswith("regression of y by 2 amounts and 1 categories\n")
        if printed:
            assert json.loads(others.getvalue())["models"]["mlp"]["rmse"] > 0
        else:
            assert not others.getvalue()


def test_the_gpus_are_told_without_a_training(tmp_path: Path) -> None:
    stream = io.StringIO()
    run_alone(
        job_of(build_parser().parse_args(["--check-gpus"]), request(tmp_path), Place(None, stream, stream))
    )
    assert "GPU" in stream.getvalue() and not (tmp_path / "out").exists()


def test_a_job_that_is_to_end_does_so_after_an_epoch(tmp_path: Path) -> None:
    def leave() -> None:
        raise TrainerError("left")

    stream = io.StringIO()
    job = job_of(build_parser().parse_args([]), request(tmp_path), Place(None, stream, stream, leave))
    with pytest.raises(TrainerError, match="left"):
        run_alone(job)
    assert "epoch 1/2" in stream.getvalue() and not (tmp_path / "out" / "mlp").exists()
