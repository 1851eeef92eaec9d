"""Ids and folders of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.planning.job_settings import JOB_ID
from master.orchestrator.names import id_of, id_of_name, ids_apart, output_of, short

_PART = st.text(min_size=1, max_size=60).filter(lambda text: "/" not in text and text not in (".", ".."))


@given(st.text(min_size=1, max_size=150))
def test_every_name_of_a_script_gives_an_id_that_is_safe_as_a_folder(stem: str) -> None:
    assert id_of(stem) and JOB_ID.problem(id_of(stem)) == ""


@given(st.text(min_size=1, max_size=150).filter(str.strip))
def test_every_name_of_a_job_gives_an_id_that_is_safe_as_a_folder(name: str) -> None:
    found = id_of_name(name)
    assert not found or JOB_ID.problem(found) == ""


@given(st.lists(st.lists(_PART, min_size=1, max_size=4).map("/".join), max_size=8, unique=True))
def test_no_two_scripts_share_an_id(paths: list[str]) -> None:
    ids = ids_apart([Path(f"{path}.py") for path in paths])
    assert len({job_id.lower() for job_id in ids}) == len(paths)
    assert [JOB_ID.problem(job_id) for job_id in ids] == [""] * len(paths)


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["train_a.py", "x/train_b.py"], ["train_a", "train_b"]),
        (["train_a.py", "x/train_a.py"], ["train_a", "x.train_a"]),
        (["als/v1/train.py", "mri/v1/train.py", "v2/train.py"], ["als.v1.train", "mri.v1.train", "v2.train"]),
        (["train a.py", "train?a.py"], ["train_a", "train_a-2"]),
        (["/p/x/train_a.py", "train_a.py"], ["x.train_a", "train_a"]),
    ],
)
def test_as_many_folders_as_tell_scripts_apart(paths: list[str], ids: list[str]) -> None:
    assert ids_apart([Path(path) for path in paths]) == ids


@pytest.mark.parametrize(
    ("job_id", "without"),
    [("train_als", "als"), ("mri.train_model", "mri.model"), ("train_", "train_"), ("fit", "fit")],
)
def test_train_goes_without_saying(job_id: str, without: str) -> None:
    assert (short(job_id), output_of(job_id)) == (without, f"{without}_results")
