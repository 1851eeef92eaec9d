"""A broken promise is seen: the judge is fed with what must not happen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.evidence import Evidence, Expected, Happened, Published, Spoils
from tests.chaos.judge import judge, percentile, waits
from tests.chaos.tally import Execution

JOB, MODEL = "chaos/j0", "base_models/aa"
FIRST = Execution(JOB, 1, "worker-1", "n1", 10.0, 15.0, "base", "bytes")
SECOND = replace(FIRST, attempt=2, host="worker-2", nonce="n2", started=20.0, ended=25.0)
RESULT = Published("n1", "bytes", "n1")
GOOD = Evidence({JOB: Expected("base")}, [FIRST], {JOB: RESULT})
AGAIN = replace(GOOD, ran=[FIRST, SECOND])


def broken(evidence: Evidence) -> list[str]:
    return [text.partition(":")[0] for text in judge(evidence).broken]


def fault(spoils: Spoils, begun: float = 12.0, ended: float = 13.0, **more: object) -> Happened:
    return Happened("kind", spoils, begun, ended, **{"worker": "worker-1", **more})  # type: ignore[arg-type]


def test_a_run_without_fault_keeps_all() -> None:
    assert broken(GOOD) == []


def test_a_job_without_a_result_is_lost() -> None:
    assert broken(replace(GOOD, results={})) == ["lost"]


def test_a_result_from_nowhere_is_lost() -> None:
    assert broken(replace(GOOD, ran=[])) == ["lost"]
    assert broken(replace(GOOD, ran=[replace(FIRST, ended=None)])) == ["lost"]
    assert broken(replace(GOOD, results={JOB: RESULT, "chaos/other": RESULT})) == ["lost"]


def test_a_job_that_must_fail_has_no_result() -> None:
    failing = replace(GOOD, expected={JOB: Expected("base", succeeds=False)})
    assert broken(failing) == ["lost"]
    assert broken(replace(failing, results={}, ran=[replace(FIRST, ended=None)] * 3)) == []


def test_a_result_that_changed_or_was_recorded_twice_is_doubled() -> None:
    other = Published("n2", "bytes", "n1")
    assert broken(replace(AGAIN, results={JOB: other}, faults=[fault(Spoils.WORKER)])) == ["doubled"]
    assert broken(replace(GOOD, results={JOB: replace(RESULT, records=2)})) == ["doubled"]


def test_wrong_bytes_are_seen_whether_read_or_brought_home() -> None:
    assert broken(replace(GOOD, ran=[replace(FIRST, base="another")])) == ["wrong_bytes"]
    assert broken(replace(GOOD, results={JOB: replace(RESULT, digest="changed")})) == ["wrong_bytes"]


def test_damage_that_a_job_sees_must_come_from_a_fault_on_its_worker() -> None:
    saw = replace(FIRST, ended=None, base="rotten", damaged=True)
    ran, results = [saw, SECOND], {JOB: Published("n2", "bytes", "n2")}
    assert broken(replace(GOOD, ran=ran, results=results)) == ["wrong_bytes"]
    rot = [fault(Spoils.NOTHING, 5.0, 5.0, rots=True)]
    assert broken(replace(GOOD, ran=ran, results=results, faults=rot)) == []
    elsewhere = [replace(rot[0], worker="worker-2")]
    assert broken(replace(GOOD, ran=ran, results=results, faults=elsewhere)) == ["wrong_bytes"]


@pytest.mark.parametrize(
    ("done", "explains"),
    [
        (fault(Spoils.NOTHING), False),
        (fault(Spoils.WORKER), True),
        (fault(Spoils.WORKER, worker="worker-2"), False),
        (fault(Spoils.WORKER, 1.0, 5.0), False),
        (fault(Spoils.WORKER, 30.0, 35.0), False),
        (fault(Spoils.UNRECORDED, worker=None), True),
        (fault(Spoils.UNRECORDED, 1.0, 2.0, worker=None), True),
        (fault(Spoils.JOB, job=JOB), True),
        (fault(Spoils.JOB, job="chaos/other"), False),
        (fault(Spoils.STORE), False),
    ],
)
def test_what_is_done_again_needs_a_fault_that_spoilt_it(done: Happened, explains: bool) -> None:
    assert broken(replace(AGAIN, faults=[done])) == ([] if explains else ["needless"])


def test_a_rotten_store_explains_trainings() -> None:
    trained = [replace(FIRST, job=MODEL), replace(SECOND, job=MODEL)]
    trained = [replace(item, nonce=f"m{item.nonce}") for item in trained]
    evidence = replace(GOOD, ran=[FIRST, *trained])
    assert broken(evidence) == ["needless"]
    assert broken(replace(evidence, faults=[fault(Spoils.STORE)])) == []


def test_a_script_that_asks_for_another_try_gets_one() -> None:
    asks = replace(
        AGAIN, ran=[replace(FIRST, ended=None), SECOND], results={JOB: Published("n2", "bytes", "n2")}
    )
    assert broken(asks) == ["needless"]
    assert broken(replace(asks, expected={JOB: Expected("base", tries=2)})) == []


def test_waits_are_from_a_faults_end_to_the_next_progress() -> None:
    done = [fault(Spoils.NOTHING, 1.0, ended) for ended in (2.0, 8.0, 20.0)]
    assert waits(done, [1.5, 3.0, 9.0]) == [1.0, 1.0]


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.95), percentile(values, 1), percentile([], 0.5)) == (95.0, 100.0, 0.0)
