from __future__ import annotations

import hashlib
import json
from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from master.core.planning.identity import (
    DEFAULT_RULE,
    BaseModelRule,
    base_model_of,
    canonical_json,
    job_hash_of,
    phase1_config,
    spec_hash_of,
    tagged_hash,
)
from master.core.planning.job_settings import NOT_IDENTIFYING
from master.core.planning.job_shape import ANY_JOB, JobShape
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.specs import Config, JobSpec

FINE_TUNING_FIELDS = NOT_IDENTIFYING | PARTICIPANT_JOBS.fine_tuning_fields
JOB = {"fold": 1, "participants": ["c", "a", "b"], "lr": 3e-4, "mode": "full_fine_tuning"}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(
    lambda name: name not in FINE_TUNING_FIELDS and name not in ("code", "participants", "mode")
)
CONFIGS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3), max_size=6)


def identity(config: dict[str, Any], rule: BaseModelRule = DEFAULT_RULE, code: str = "x") -> dict[str, Any]:
    base = base_model_of(config, code, rule, PARTICIPANT_JOBS)
    assert base is not None
    assert base.spec_hash == spec_hash_of(base.config)
    return dict(base.config)


def test_canonical_json_is_fixed() -> None:
    value = {"b": [1, 1.0, True, None], "a": {"é": "\n"}, "c": MappingProxyType({}), "d": (1e22, -0.0)}
    assert canonical_json(value) == '{"a":{"é":"\\n"},"b":[1,1.0,true,null],"c":{},"d":[1e+22,-0.0]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], "\ud800", {"\udfff": 1}])
def test_canonical_json_refuses_what_json_cannot_say(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical_json(value)


class Colour(str, Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value", [{1: 2}, {"a": {None: 1}}, {1, 2}, b"x", object(), Colour.RED, [Colour.RED]]
)
def test_canonical_json_refuses_other_types(value: Any) -> None:
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical_json(value)


@given(CONFIGS, st.randoms())
def test_canonical_json_does_not_know_the_order_of_keys(config: dict[str, Any], random: Any) -> None:
    names = list(config)
    random.shuffle(names)
    assert canonical_json({name: config[name] for name in names}) == canonical_json(config)


@given(SCALARS, SCALARS)
def test_canonical_json_tells_scalars_apart(one: Any, other: Any) -> None:
    same = type(one) is type(other) and repr(one) == repr(other)
    assert (canonical_json(one) == canonical_json(other)) is same


@given(CONFIGS)
def test_canonical_json_can_be_read_back(config: dict[str, Any]) -> None:
    assert json.loads(canonical_json(config)) == config


def test_kinds_never_share_a_hash() -> None:
    assert tagged_hash("job", {}) == hashlib.sha256(b'["job",{}]').hexdigest()
    assert tagged_hash("job", ["a"]) != tagged_hash("base_model", ["a"])


def test_the_hash_of_a_base_model_does_not_change_between_releases() -> None:
    base = base_model_of(JOB, "trainer:personalization:1", shape=PARTICIPANT_JOBS)
    assert base is not None
    assert base.spec_hash == "5d48115893f6c95e284db819358445ac"


def test_participants_fold_and_count_become_base_participants() -> None:
    assert identity(JOB) == {"lr": 3e-4, "base_participants": ["b", "c"], "code": "x"}
    assert identity({**JOB, "n_base_participants": 1}) == {
        "lr": 3e-4,
        "base_participants": ["c"],
        "code": "x",
    }
    assert identity({**JOB, "n_base_participants": None}) == identity(JOB)


def test_folds_with_equal_base_participants_share() -> None:
    people = ["a", "b", "c", "d"]
    folds = [{**JOB, "participants": people, "fold": fold, "n_base_participants": 2} for fold in (2, 3)]
    assert identity(folds[0]) == identity(folds[1])


def test_the_order_of_participants_does_not_matter() -> None:
    assert identity({**JOB, "participants": ["a", "c", "b"], "fold": 0}) == identity(
        {**JOB, "participants": ["b", "a", "c"], "fold": 1}
    )


@pytest.mark.parametrize("config", [JOB, {"lr": 1}])
def test_target_only_needs_no_base_model(config: dict[str, Any]) -> None:
    assert base_model_of({**config, "mode": "target_only"}, "x", shape=PARTICIPANT_JOBS) is None


def test_a_file_can_do_without_base_models() -> None:
    assert base_model_of(JOB, "x", BaseModelRule(needed=False), PARTICIPANT_JOBS) is None


def test_a_given_default_and_a_missing_field_are_different() -> None:
    assert identity({"lr": None}) != identity({})
    assert len({spec_hash_of(identity({"lr": lr})) for lr in (1, 1.0, True, "1", None)}) == 5


def test_the_code_is_part_of_the_identity() -> None:
    assert identity({}, code="script:1") != identity({}, code="script:2")


def test_a_declaration_names_the_fields_that_identify() -> None:
    config = {"lr": 1, "seed": 2, "mode": "x", "_note": 3}
    assert identity(config, BaseModelRule(include=frozenset({"lr", "mode", "_note"}))) == {
        "lr": 1,
        "mode": "x",
        "code": "x",
    }
    assert identity(config, BaseModelRule(exclude=frozenset({"lr"}))) == {"seed": 2, "code": "x"}


@pytest.mark.parametrize(
    "rule",
    [BaseModelRule(include=frozenset({"fold", "participants"})), BaseModelRule(exclude=frozenset({"lr"}))],
)
def test_base_participants_always_count(rule: BaseModelRule) -> None:
    assert identity(JOB, rule) == {"base_participants": ["b", "c"], "code": "x"}


@pytest.mark.parametrize("wrong", [{"fold": 3}, {"n_base_participants": 3}, {"n_base_participants": "few"}])
def test_out_of_range_is_a_value_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        base_model_of({**JOB, **wrong}, "x", shape=PARTICIPANT_JOBS)


@given(
    CONFIGS, st.dictionaries(st.sampled_from(sorted(FINE_TUNING_FIELDS - {"fold"})) | st.just("_x"), SCALARS)
)
def test_fine_tuning_fields_do_not_split(config: dict[str, Any], tuning: dict[str, Any]) -> None:
    assume(tuning.get("mode") != "target_only")
    assert identity({**config, **tuning}) == identity(config)


@given(CONFIGS, CONFIGS)
def test_any_other_difference_splits(one: dict[str, Any], other: dict[str, Any]) -> None:
    same_hash = spec_hash_of(identity(one)) == spec_hash_of(identity(other))
    assert same_hash is (canonical_json(one) == canonical_json(other))


@given(CONFIGS)
def test_job_hashes_hold_the_fields_and_a_given_id(config: dict[str, Any]) -> None:
    reordered = dict(reversed(config.items()))
    assert job_hash_of(config) == job_hash_of(reordered)
    hashes = {
        job_hash_of(config),
        job_hash_of(config, "a"),
        job_hash_of(config, "b"),
        job_hash_of({**config, "_": 1}),
    }
    assert len(hashes) == 4 and {len(each) for each in hashes} == {32}


def test_the_job_that_trains_a_base_model_keeps_the_fields_in_order() -> None:
    def flags(config: dict[str, Any]) -> list[tuple[str, Any]]:
        return list(phase1_config(JobSpec("a/b", "0", config, "job 1")).items())

    assert flags(JOB) == [*list(JOB.items())[:-1], ("mode", "base_only")]
    assert flags({"lr": 1, "_note": "x"}) == [("lr", 1), ("_note", "x"), ("mode", "base_only")]
    assert JOB["mode"] == "full_fine_tuning"


PLAIN = {"lr": 0.1, "seed": 3, "device": 0, "timeout": 60, "prefix": "a", "_note": "x"}


def first_phase(config: dict[str, Any], rule: BaseModelRule, shape: JobShape = PARTICIPANT_JOBS) -> Config:
    return phase1_config(JobSpec("a/b", "0", config, "job 1", base_model_of(config, "code", rule, shape)))


def test_a_plain_base_model_is_told_what_identifies_it_and_how_it_runs() -> None:
    ours = {"device": 0, "timeout": 60, "_note": "x", "mode": "base_only"}
    include, exclude = BaseModelRule(include=frozenset({"seed"})), BaseModelRule(exclude=frozenset({"lr"}))
    assert first_phase(PLAIN, include) == first_phase({**PLAIN, "lr": 9}, exclude) == {"seed": 3, **ours}
    assert first_phase(PLAIN, DEFAULT_RULE) == {"lr": 0.1, "seed": 3, **ours}
    assert first_phase(PLAIN, include, ANY_JOB) == {**PLAIN, "mode": "base_only"}
    over = {**PLAIN, "participants": ["a", "b"], "fold": 0}
    assert first_phase(over, include) == {**over, "mode": "base_only"}


def test_a_mode_that_identifies_a_plain_base_model_is_the_scripts_own() -> None:
    rule = BaseModelRule(include=frozenset({"mode"}))
    assert first_phase({"mode": "fast", "lr": 1}, rule) == {"mode": "fast"}
    assert first_phase({"mode": "fast", "lr": 1}, DEFAULT_RULE) == {"mode": "base_only", "lr": 1}
