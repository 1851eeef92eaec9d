from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from master.core.flags.declared import NOTHING_KNOWN, Flag, ScriptFlags, Takes
from master.core.planning.identity import canonical_json
from master.errors import ConfigError
from master.intake.jobs import parse_jobs, read_jobs
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.specs import JobsSpec

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads((ROOT / "docs/jobs.schema.json").read_text())
PEOPLE = ["p1", "p2", "p3"]
FOLD = {"fold": 0, "participants": PEOPLE}


def parse(value: Any, **known: Any) -> JobsSpec:
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return parse_jobs(json.dumps(value), code="script:1", **known)


def taking(*names: str) -> ScriptFlags:
    flags = {name: Flag(name, f"--{name}", Takes.MANY) for name in names}
    return ScriptFlags(by_name=flags, open="", is_exact=True)


def ids(value: Any, **known: Any) -> list[str]:
    return [job.job_id for job in parse(value, **known).jobs]


def test_the_examples_of_the_documentation_are_read() -> None:
    blocks = (ROOT / "docs/jobs.md").read_text().split("```json\n")[1:]
    counts = [len(parse(json.loads(block.split("```")[0])).jobs) for block in blocks]
    assert counts == [2, 18, 80, 25]


def test_the_typical_search_is_fifteen_jobs_on_three_base_models() -> None:
    shares = (0.1, 0.25, 0.5, 0.75, None)
    jobs = [
        {"fold": fold, "participants": PEOPLE, "target_batch_pct": share, "prefix": f"batch{index}"}
        for fold, (index, share) in product(range(3), enumerate(shares))
    ]
    spec = parse(jobs)
    assert len(spec.jobs) == 15
    assert [base.config["base_participants"] for base in spec.base_models.values()] == [
        ["p2", "p3"],
        ["p1", "p3"],
        ["p1", "p2"],
    ]
    assert [job.job_id for job in spec.jobs[:2]] == ["batch0/fold0_p1", "batch1/fold0_p1"]
    assert all(
        job.base_model is spec.base_models[job.base_model.spec_hash] for job in spec.jobs if job.base_model
    )
    assert spec.jobs[0].base_model is spec.jobs[4].base_model


def test_fields_keep_their_order_and_only_the_id_is_taken_out() -> None:
    fields = {"lr": 1, "_note": "x", "id": "first", "prefix": "search/lr", "a-b": [1, "x"], "c": None}
    (job,) = parse([fields]).jobs
    assert job.job_id == "search/lr/first"
    assert list(job.config.items()) == [(name, value) for name, value in fields.items() if name != "id"]
    assert job.place == "job 1"


def test_defaults_lie_below_jobs_and_the_grid_above_both() -> None:
    spec = parse(
        {
            "defaults": {"a": 1, "b": 1, "c": 1},
            "grid": {"c": [1, 2], "d": [[1, 2], []]},
            "jobs": [{"b": 2}, {"b": 3, "e": 1}],
        }
    )
    assert [tuple(job.config.values()) for job in spec.jobs] == [
        (1, 2, 1, [1, 2]),
        (1, 2, 1, []),
        (1, 2, 2, [1, 2]),
        (1, 2, 2, []),
        (1, 3, 1, 1, [1, 2]),
        (1, 3, 1, 1, []),
        (1, 3, 2, 1, [1, 2]),
        (1, 3, 2, 1, []),
    ]
    assert list(spec.jobs[4].config) == ["a", "b", "c", "e", "d"]
    assert spec.jobs[5].place == "job 2, grid point 2"


def test_a_grid_needs_no_jobs() -> None:
    spec = parse({"grid": {"lr": [1, 2]}})
    assert [(dict(job.config), job.place) for job in spec.jobs] == [
        ({"lr": 1}, "grid point 1"),
        ({"lr": 2}, "grid point 2"),
    ]


def test_yaml_gives_the_same_jobs_as_json(tmp_path: Path) -> None:
    value = {
        "defaults": FOLD,
        "grid": {"lr": [0.1, 3e-4]},
        "jobs": [{"x": True}],
        "base_model": {"include": ["lr"]},
    }
    (tmp_path / "jobs.json").write_text(json.dumps(value))
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    one, other = (read_jobs(tmp_path / name, code="x") for name in ("jobs.json", "jobs.yaml"))
    assert one.jobs == other.jobs
    assert one.source == str(tmp_path / "jobs.json")


@pytest.mark.parametrize(
    "text", ["[\n{},\n\n{'mode': 'target_only',\n\n'lr': 1,\n'fold': 1}]".replace("'", '"')]
)
def test_messages_name_the_line_of_the_field(text: str) -> None:
    with pytest.raises(ConfigError, match=r"jobs\.json: job 2 \(line 7\): `fold` is given without"):
        parse_jobs(text, code="x")
    with pytest.raises(ConfigError, match=r"jobs\.yaml: job 2 \(line 7\): `fold` is given without"):
        parse_jobs(text, "jobs.yaml", code="x")


def test_equal_fields_may_run_twice_under_two_ids() -> None:
    spec = parse({"jobs": [{"lr": 1, "id": "a"}, {"lr": 1, "id": "b"}], "base_model": True})
    assert [job.job_id for job in spec.jobs] == ["alpha/a", "alpha/b"]
    assert spec.jobs[0].job_hash != spec.jobs[1].job_hash
    assert len(spec.base_models) == 1


@pytest.mark.parametrize(
    ("base_model", "names"),
    [
        (True, ["base_participants", "code", "lr", "seed"]),
        (None, ["base_participants", "code", "lr", "seed"]),
        ({"include": ["lr", "base_participants"]}, ["base_participants", "code", "lr"]),
        ({"exclude": ["lr"]}, ["base_participants", "code", "seed"]),
        ({"include": []}, ["base_participants", "code"]),
    ],
)
def test_a_declaration_changes_the_identity(base_model: Any, names: list[str]) -> None:
    spec = parse({"jobs": [{**FOLD, "lr": 1, "seed": 2}], "base_model": base_model})
    (base,) = spec.base_models.values()
    assert sorted(base.config) == names


def test_a_file_can_do_without_base_models() -> None:
    spec = parse({"jobs": [{**FOLD, "participants": ["p1"]}], "base_model": False})
    assert (spec.jobs[0].base_model, dict(spec.base_models)) == (None, {})


@pytest.mark.parametrize(("version", "code"), [("2", "pinned:2"), (2, "pinned:2"), (None, "script:1")])
def test_a_pinned_version_stands_for_the_code(version: Any, code: str) -> None:
    spec = parse({"jobs": [{"lr": 1}], "base_model": True, "code_version": version})
    assert spec.jobs[0].base_model is not None
    assert spec.jobs[0].base_model.config["code"] == code


def test_fields_the_script_does_not_know_are_refused() -> None:
    assert ids([{"lr": 1, "_x": 1, "id": "a"}], script=taking("lr")) == ["alpha/a"]
    with pytest.raises(ConfigError, match="`batch_size` is no flag of the script: did you mean `batch-size`"):
        parse([{"batch_size": 1}], script=taking("lr", "batch-size"))


def test_numbers_name_participants_too() -> None:
    assert ids([{"fold": 1, "participants": [7, 8, 9]}]) == ["alpha/fold1_8"]


def test_alone_with_one_participant_is_fine_without_a_base_model() -> None:
    assert ids([{"fold": 0, "participants": ["p1"], "mode": "target_only"}]) == ["alpha/fold0_p1"]


FIELDS = st.dictionaries(
    st.sampled_from(
        ["lr", "seed", "_x", "prefix", "target_batch_pct", "fold", "participants", "mode", "id", "a-b"]
    ),
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats()
    | st.text(max_size=4)
    | st.just(PEOPLE)
    | st.lists(st.none()),
)
JOBS = st.lists(
    st.fixed_dictionaries({"lr": st.integers(0, 5), "fold": st.integers(0, 2)}),
    min_size=1,
    unique_by=canonical_json,
)


@given(st.lists(FIELDS, max_size=4), FIELDS, st.none() | st.booleans() | FIELDS)
def test_nothing_but_a_config_error_is_raised(jobs: list[Any], defaults: Any, base_model: Any) -> None:
    value = {"jobs": jobs, "defaults": defaults, "base_model": base_model}
    try:
        spec = parse_jobs(json.dumps(value), code="x")
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        assert len({job.job_id.lower() for job in spec.jobs}) == len(jobs)


@given(JOBS, st.randoms())
def test_the_order_of_jobs_changes_no_hash(jobs: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(jobs, len(jobs))
    one, other = (parse({"defaults": {"participants": PEOPLE}, "jobs": each}) for each in (jobs, shuffled))
    assert {(job.job_hash, job.job_id) for job in one.jobs} == {
        (job.job_hash, job.job_id) for job in other.jobs
    }
    assert set(one.base_models) == set(other.base_models)


@given(JOBS)
def test_adding_jobs_renames_none(jobs: list[dict[str, Any]]) -> None:
    shared = {"participants": PEOPLE}
    before = parse({"defaults": shared, "jobs": jobs[:1]})
    known = {job.job_hash: job.job_id for job in before.jobs}
    after = parse({"defaults": shared, "jobs": jobs}, known_ids=known)
    assert after.jobs[0].job_id == before.jobs[0].job_id


ORDINARY = {"fold": 7, "participants": 12, "aug_prob": 5, "target_batch_pct": "half", "mode": "train"}


def test_the_words_of_jobs_over_participants_are_ordinary_ones_in_other_jobs() -> None:
    jobs = parse(
        [ORDINARY, {"fold": "last"}, {"participants": ["a", "b"]}, {"fold": 1, "participants": "all"}]
    )
    assert [job.base_model for job in jobs.jobs] == [None] * 4
    assert jobs.jobs[0].config == ORDINARY


def test_a_plain_sweep_has_no_base_models() -> None:
    spec = parse({"grid": {"lr": [1, 2], "seed": [0, 1], "fold": [0, 1, 2]}})
    assert (len(spec.jobs), dict(spec.base_models), spec.says_of_base_models) == (12, {}, False)


def test_each_job_asks_for_itself() -> None:
    spec = parse([{"lr": 1}, {**FOLD}, {"mode": "full_fine_tuning"}, {"mode": "target_only"}])
    assert [job.base_model is not None for job in spec.jobs] == [False, True, True, False]
    assert spec.says_of_base_models


@pytest.mark.parametrize("asked", [True, {"exclude": ["dropout"]}])
def test_the_fold_of_a_plain_cross_validation_splits_what_is_asked_for(asked: Any) -> None:
    spec = parse({"grid": {"fold": [0, 1], "dropout": [0, 1]}, "base_model": asked})
    assert {base.config["fold"] for base in spec.base_models.values()} == {0, 1}
    assert len(spec.base_models) == (4 if asked is True else 2)


@pytest.mark.parametrize("wrong", [{"participants": 12}, {"fold": "last"}, {"aug_prob": 5}])
def test_a_trainer_of_participants_has_no_ordinary_words(wrong: dict[str, Any]) -> None:
    trainers = replace(PARTICIPANT_JOBS, is_usual=False)
    with pytest.raises(ConfigError, match=f"`{next(iter(wrong))}` "):
        parse([wrong], shape=trainers)


@pytest.mark.parametrize("prefix", ["s3://bucket/run 1", 7, True, ["a", "b"], "base_models"])
def test_a_prefix_that_is_no_folder_is_the_script_s_own_word(prefix: Any) -> None:
    job = {"prefix": prefix, "id": "mine"}
    assert ids([job], script=taking("prefix")) == ["alpha/mine"]
    for refused, script in (
        ({**FOLD, **job}, taking("prefix", *FOLD)),
        (job, taking("lr")),
        (job, NOTHING_KNOWN),
    ):
        with pytest.raises(ConfigError, match="`prefix` "):
            parse_jobs(json.dumps([refused]), code="x", script=script)


def test_switches_take_the_words_of_python_and_texts_stay_texts() -> None:
    switch = Flag("amp", "--amp", Takes.NOTHING, on=("--amp",), off=())
    script = ScriptFlags(by_name={"amp": switch, "text": Flag("text", "--text")}, open="")
    spec = parse({"grid": {"amp": ["True", "False"]}, "defaults": {"text": "True"}}, script=script)
    assert [(job.config["amp"], job.config["text"]) for job in spec.jobs] == [(True, "True"), (False, "True")]
    assert [job.job_id for job in spec.jobs] == ["alpha/amp=true", "alpha/amp=false"]
