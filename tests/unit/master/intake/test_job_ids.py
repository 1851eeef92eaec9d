"""What jobs are called."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.planning.identity import canonical_json, job_hash_of
from master.errors import ConfigError
from master.intake.job_ids import IdTaken, Unnamed, assign_ids, with_names
from master.intake.jobs import parse_jobs
from tests.unit.master.intake.test_jobs import FOLD, ids, parse


def test_names_are_made_safe_and_told_apart() -> None:
    people = ["Ann/../B", "ann_.._b", "é", "x" * 200]
    names = ids([{"fold": fold, "participants": people, "mode": "target_only"} for fold in range(4)])
    assert names[:3] == ["alpha/fold0_Ann_.._B", "alpha/fold1_ann_.._b", "alpha/fold2__"]
    assert len(names[3]) < 100


def test_jobs_are_named_by_the_fields_in_which_they_differ() -> None:
    spec = parse(
        [{**FOLD, "lr": 1}, {**FOLD, "lr": 2}, {**FOLD, "lr": 1, "prefix": "Alpha"}, {"id": "job"}, {"lr": 3}]
    )
    first, second, third, given_id, crowded = spec.jobs
    assert first.job_id == "alpha/fold0_p1_lr=1"
    assert second.job_id == "alpha/fold0_p1_lr=2"
    assert third.job_id == "Alpha/fold0_p1"
    assert (given_id.job_id, crowded.job_id) == ("alpha/job", f"alpha/job-{crowded.job_hash[:8]}")


def test_names_are_in_the_grammar_of_ids() -> None:
    grid = {"lr": [1e-3, 3e-4], "opt": ["adam w", "sgd"], "betas": [[0.9, 0.99]], "amp": [True, None]}
    found = ids({"defaults": {"epochs": 3, "_note": 1, "device": 0}, "grid": grid})
    assert found[:2] == [
        "alpha/lr=1e-3_opt=adam_w_betas=0.9+0.99_amp=true",
        "alpha/lr=1e-3_opt=adam_w_betas=0.9+0.99_amp=null",
    ]
    assert found[-1] == "alpha/lr=3e-4_opt=sgd_betas=0.9+0.99_amp=null"


def test_fields_of_a_sweep_are_in_names_and_columns_with_one_value_too() -> None:
    one = {"grid": {"lr": [0.1], "fold": [0, 1], "device": [0], "prefix": ["a"]}, "defaults": {"epochs": 3}}
    zipped = {"zip": {"seed": [5]}, "jobs": [{"wd": 1}], "defaults": {"prefix": "b"}}
    spec = parse({"jobs": [one, zipped]})
    assert [job.job_id for job in spec.jobs] == ["a/lr=0.1_fold=0", "a/lr=0.1_fold=1", "b/seed=5"]
    assert spec.asked_for == {"lr", "fold", "seed"}
    assert ids({"grid": {"fold": [0, 1], "lr": [0.1]}, "defaults": {"participants": ["p1", "p2"]}}) == [
        "alpha/fold0_p1_lr=0.1",
        "alpha/fold1_p2_lr=0.1",
    ]


def test_long_names_are_cut_and_told_apart_by_their_hash() -> None:
    spec = parse({"grid": {"text": ["x" * 150 + end for end in "ab"], "z": [1, 2]}})
    names = [job.job_id.split("/")[1] for job in spec.jobs]
    assert {len(name) for name in names} == {100}
    assert [name[-9:] for name in names] == [f"-{job.job_hash[:8]}" for job in spec.jobs]


def test_names_leave_room_for_a_long_prefix() -> None:
    prefix = "/".join(["p" * 99, "q" * 99])
    assert all(
        len(name) <= 251
        for name in ids({"defaults": {"prefix": prefix}, "grid": {"t": ["x" * 99, "y" * 99]}})
    )


def test_a_template_names_jobs() -> None:
    value = {
        "defaults": {"id": "{model}/{lr}-{seed}"},
        "grid": {"model": ["cnn", "vit"], "lr": [1e-3], "seed": [0, 1]},
    }
    spec = parse(value)
    assert [job.job_id for job in spec.jobs] == [
        *("alpha/cnn/1e-3-0", "alpha/cnn/1e-3-1", "alpha/vit/1e-3-0", "alpha/vit/1e-3-1")
    ]
    assert all("id" not in job.config for job in spec.jobs)


def test_another_template_renames_no_job_that_has_an_id() -> None:
    before = parse({"defaults": {"id": "{lr}"}, "grid": {"lr": [1, 2]}})
    known = {job.job_hash: job.job_id for job in before.jobs}
    assert ids({"defaults": {"id": "rate-{lr}"}, "grid": {"lr": [1, 2, 3]}}, known_ids=known) == [
        *("alpha/1", "alpha/2", "alpha/rate-3")
    ]
    assert ids({"grid": {"lr": [1, 2]}}, known_ids=known) == ["alpha/1", "alpha/2"]


@pytest.mark.parametrize(
    ("template", "place", "says"),
    [
        ("{modle}", "grid point 1", "no job has such a field: did you mean `model`?"),
        ("{lr}-{wd}", "job 2, grid point 1", "has {wd}, and this job has no such field"),
        (
            "{model}",
            "grid point 2",
            "`id` makes `alpha/cnn` of grid point 1, too: add {seed}, in which they differ",
        ),
        ("{model", "grid point 1", "is no template"),
        ("{a b}", "grid point 1", "between braces stands the name of a field"),
        ("{model}//{seed}", "grid point 1", "something must stand between slashes"),
        (".{model}{seed}", "grid point 1", "no . or - first"),
        ("{model} {seed}", "grid point 1", "is no template"),
        ("{model}" * 200, "grid point 1", "more than 1000 characters"),
        (f"{'x' * 101}/{{model}}", "grid point 1", "folders may have 100 characters"),
    ],
)
def test_a_template_that_names_not_each_job_once_is_told(template: str, place: str, says: str) -> None:
    jobs: dict[str, Any] = {"jobs": [{"lr": 1, "wd": 1}, {"lr": 2}]} if "wd" in template else {}
    value = {"defaults": {"id": template}, "grid": {"model": ["cnn"], "seed": [0, 1]}, **jobs}
    with pytest.raises(ConfigError) as caught:
        parse_jobs(json.dumps(value), code="x")
    assert caught.value.place == f"{place} (line 1)"
    assert says in caught.value.problem


def test_one_id_for_a_whole_sweep_asks_for_a_template() -> None:
    with pytest.raises(
        ConfigError, match=r"grid point 1 has the id `alpha/x`; in a sweep .* such as x-\{lr\}"
    ):
        parse({"defaults": {"id": "x"}, "grid": {"lr": [1, 2]}})


def test_a_template_takes_no_id_of_an_earlier_job() -> None:
    known = {job.job_hash: job.job_id for job in parse([{"id": "{lr}", "lr": 1, "wd": 0}]).jobs}
    with pytest.raises(
        IdTaken, match="`id` is `alpha/1`, which an earlier job with other fields has"
    ) as caught:
        parse([{"id": "{lr}", "lr": 1, "wd": 2}], known_ids=known)
    assert (caught.value.job_id, caught.value.config) == ("alpha/1", {"lr": 1, "wd": 2})


def test_hashes_that_begin_alike_give_longer_names() -> None:
    jobs = [Unnamed({}, "0" * 8 + str(digit) * 24) for digit in range(3)]
    assert assign_ids(jobs, {}) == [f"alpha/job-00000000{str(digit) * 8}" for digit in range(3)]


def test_a_job_keeps_its_id_when_jobs_are_added() -> None:
    before = parse([{**FOLD, "lr": 1}])
    known = {job.job_hash: job.job_id for job in before.jobs}
    assert list(known.values()) == ["alpha/fold0_p1"]
    after = parse([{**FOLD, "lr": 2}, {"lr": 1, **FOLD}], known_ids=known).jobs
    assert [job.job_id for job in after] == ["alpha/fold0_p1_lr=2", "alpha/fold0_p1"]


def test_names_stay_when_later_jobs_make_more_fields_vary() -> None:
    before = parse({"grid": {"lr": [1, 2]}, "defaults": {"seed": 0}})
    known = {job.job_hash: job.job_id for job in before.jobs}
    after = ids({"grid": {"lr": [1, 2], "seed": [0, 1]}}, known_ids=known)
    assert after == ["alpha/lr=1", "alpha/lr=1_seed=1", "alpha/lr=2", "alpha/lr=2_seed=1"]


def test_no_job_takes_the_id_of_one_that_is_gone() -> None:
    known = {job.job_hash: job.job_id for job in parse([{"id": "a", "lr": 1}, {**FOLD}]).jobs}
    (changed,) = parse([{**FOLD, "lr": 2}], known_ids=known).jobs
    assert changed.job_id == f"alpha/fold0_p1-{changed.job_hash[:8]}"
    with pytest.raises(ConfigError, match="`id` is `alpha/A`, which an earlier job with other fields has"):
        parse([{"id": "A", "lr": 2}], known_ids=known)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé ./-{", max_size=3)
)
CONFIGS = st.lists(
    st.dictionaries(
        st.sampled_from(["lr", "x-y", "_note", "wd"]), VALUES | st.lists(VALUES, max_size=2), max_size=4
    ),
    min_size=1,
    max_size=8,
    unique_by=canonical_json,
)


@given(CONFIGS)
def test_every_job_has_a_name_in_the_grammar_of_ids_that_no_other_has(configs: list[dict[str, Any]]) -> None:
    jobs = with_names([Unnamed(config, job_hash_of(config)) for config in configs])
    names = assign_ids(jobs, {})
    assert len({name.lower() for name in names}) == len(configs)
    assert all(re.fullmatch(r"alpha/[A-Za-z0-9_+=][A-Za-z0-9._+=-]{0,99}", name) for name in names)


@given(CONFIGS)
def test_names_do_not_depend_on_the_order_and_stay_when_jobs_come(configs: list[dict[str, Any]]) -> None:
    def named(given: list[dict[str, Any]], known: dict[str, str]) -> dict[str, str]:
        jobs = with_names([Unnamed(config, job_hash_of(config)) for config in given])
        return {job.job_hash: name for job, name in zip(jobs, assign_ids(jobs, known), strict=True)}

    assert named(configs, {}) == named(configs[::-1], {})
    before = named(configs[: len(configs) // 2 + 1], {})
    after = named(configs, before)
    assert {job_hash: after[job_hash] for job_hash in before} == before
