"""Where a job computes, reads and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.personalization.errors import OptionError
from trainers.personalization.job import run_job
from trainers.personalization.options import parse

FLAGS = ["--fold", "0", "--participants", "ann", "bob", "--device", "cpu"]


@pytest.mark.parametrize("mode", ["full_fine_tuning", "base_only"])
def test_a_mode_that_needs_the_folder_of_a_base_model_says_which_flag_names_it(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TWOPHASE_JOB_ID", raising=False)
    with pytest.raises(OptionError, match="--base_model_dir is not set"):
        run_job(parse([*FLAGS, "--mode", mode]))
