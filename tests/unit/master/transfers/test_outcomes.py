"""Outcomes come home whole or not at all: results, and base models into the store."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from master.adapters.inbox import Received
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import DiskFull, RemoteError, SessionLost
from master.transfers.retry import REMOTE_TRIES
from tests.support.attempt_paths import paths_of
from tests.support.courier_world import (
    BASE,
    JOB,
    NO_SPACE,
    SHA,
    SPEC,
    encoded,
    fail_first,
    hash_of,
    put,
)
from tests.support.courier_world import CourierWorld as World
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.digests import FileDigest, content_hash
from worker_agent.protocol.layout import WorkLayout


def test_an_outcome_of_nothing_needs_no_journey(world: World) -> None:
    world.collect({"outcome": "succeeded"})
    assert world.inbox.get_nowait() == Received(ev.Collected(5.0, JOB, 1))


def test_files_are_pulled_verified_and_published(world: World) -> None:
    rows = world.produce(a="one", b="two")
    world.collect({"files": rows})
    assert world.event() == ev.Collected(5.0, JOB, 1, hash_of(paths_of(world.attempt()).output))
    assert world.result() == {"a": "one", "b": "two"}
    assert not world.layout.incoming(JOB, 1).exists()


def test_metrics_that_are_no_json_are_told_at_once(world: World) -> None:
    rows = world.produce(**{"metrics.json": "{'f1': 0.9}", "b": "two"})
    world.collect({"files": rows})
    assert world.note() == f"{JOB}: metrics.json is not JSON: its figures are in no table"
    assert isinstance(world.event(), ev.Collected) and set(world.result()) == {"metrics.json", "b"}


def test_files_that_came_along_are_not_fetched(world: World) -> None:
    rows = world.produce(a="one", b="")
    world.collect({"files": rows, "inline": encoded(a="one", b="")})
    assert isinstance(world.event(), ev.Collected)
    assert world.result() == {"a": "one", "b": ""}
    assert world.session.calls == []


def test_one_arrival_leaves_the_others_alone(world: World) -> None:
    other = world.layout.incoming("alpha/other", 1) / "output"
    put(other, {"half": "of it"})
    world.collect({"files": world.produce(a="one")})
    assert isinstance(world.event(), ev.Collected)
    assert (other / "half").read_text() == "of it"


def test_logs_come_home_too_inline_or_not(world: World) -> None:
    rows = {}
    for attempt in (1, 2):
        (rows[attempt],) = put(
            paths_of(world.attempt(attempt=attempt)).log.parent, {"log.txt": f"line {attempt}\n"}
        )
    world.collect({"log": rows[1], "inline": {"": base64.b64encode(b"line 1\n").decode()}})
    assert isinstance(world.event(), ev.Collected)
    assert world.session.calls == []
    world.collect({"log": rows[2], "files": world.produce(attempt=2, a="x"), "inline": None}, attempt=2)
    assert isinstance(world.event(), ev.Collected)
    assert [world.layout.log(JOB, n).read_text() for n in (1, 2)] == ["line 1\n", "line 2\n"]


def test_a_log_that_is_not_as_announced_does_not_cost_the_result(world: World) -> None:
    put(paths_of(world.attempt()).log.parent, {"log.txt": "more than was announced\n"})
    world.collect({"files": world.produce(a="one"), "log": ["log.txt", 1, "0" * 64]})
    assert "the log of attempt 1 is lost" in world.note()
    assert isinstance(world.event(), ev.Collected)
    assert world.result() == {"a": "one"}
    assert not world.layout.log(JOB, 1).exists()


def test_wrong_bytes_are_fetched_three_times_then_kept_as_evidence(world: World) -> None:
    rows = world.produce(a="one")
    world.produce(a="two")
    world.collect({"files": rows})
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed)
    assert "lab1 is not what its agent announced; kept in" in failed.problem
    assert [call.verb for call in world.session.calls] == ["pull"] * 3
    evidence = list(world.layout.set_aside("x").parent.iterdir())
    assert [(path / "a").read_text() for path in evidence] == ["two"] * 3
    assert world.result() == {}


def test_bytes_that_are_right_the_second_time_are_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = world.produce(a="one")
    world.produce(a="two")
    pull = world.session.pull

    def healing_pull(source: str, target: Path, names: list[str], most: int) -> None:
        pull(source, target, names, most)
        world.produce(a="one")

    monkeypatch.setattr(world.session, "pull", healing_pull)
    world.collect({"files": rows})
    assert isinstance(world.event(), ev.Collected)
    assert world.result() == {"a": "one"}


def test_an_equal_result_that_is_here_counts(world: World) -> None:
    rows = world.produce(a="one")
    put(world.layout.result(JOB), {"a": "one"})
    world.collect({"files": rows})
    assert isinstance(world.event(), ev.Collected)
    assert world.session.calls == []


def test_another_result_that_is_here_is_never_written_over(world: World) -> None:
    put(world.layout.result(JOB), {"a": "precious"})
    world.collect({"files": world.produce(a="one")})
    failed = world.event()
    assert (
        isinstance(failed, ev.CollectionFailed) and "exists already and is not written over" in failed.problem
    )
    assert world.result() == {"a": "precious"}


def test_a_result_that_another_attempt_was_faster_with_is_that_ones(world: World) -> None:
    first = world.produce(a="one")
    put(world.layout.result(JOB), {"a": "one"})
    second = world.produce(attempt=2, a="two")
    world.collect({"files": second}, attempt=2, others={1: {"files": first}})
    assert world.event() == ev.Collected(5.0, JOB, 1, content_hash(map(FileDigest.from_row, first)))
    assert world.result() == {"a": "one"}


STRANGE: dict[str, Sequence[Any]] = {
    "climbs": [["../x", 1, SHA]],
    "climbs later": [["a/../../x", 1, SHA]],
    "is absolute": [["/etc/x", 1, SHA]],
    "is empty": [["", 1, SHA]],
    "holds NUL": [["a\0b", 1, SHA]],
    "is short": [["a", 1]],
    "is no row": [3],
    "has a wrong size": [["a", "1", SHA]],
}


@pytest.mark.parametrize("rows", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("key", ["files", "log"])
def test_names_that_leave_the_directory_are_refused(world: World, rows: Sequence[Any], key: str) -> None:
    inline = {"../x": "eA==", "a/../../x": "eA==", "/etc/x": "eA=="}
    detail = {"files": rows} if key == "files" else {"files": world.produce(a="one"), "log": rows[0]}
    with pytest.raises(MessageError, match=rf"Finished\.{key}"):
        world.collect({**detail, "inline": inline})
    written = {path.name for path in world.tmp_path.rglob("*") if path.is_file()}
    assert written <= {"a", "job.json"}


@pytest.mark.parametrize("text", [5, None])
def test_contents_that_are_no_text_are_no_message(world: World, text: object) -> None:
    with pytest.raises(MessageError, match=r"Finished\.inline"):
        world.collect({"files": world.produce(a="x"), "inline": {"a": text}})
    assert world.result() == {}


@pytest.mark.parametrize("text", ["not base64!", "eA=", "é"])
def test_contents_that_are_garbled_are_refused(world: World, text: object) -> None:
    rows = world.produce(a="x")
    world.collect({"files": rows, "inline": {"a": text}})
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed) and "a came garbled" in failed.problem
    assert world.result() == {}


def test_contents_that_are_not_what_was_announced_are_refused(world: World) -> None:
    world.collect({"files": world.produce(a="one"), "inline": encoded(a="two")})
    assert isinstance(world.event(), ev.CollectionFailed)
    assert world.result() == {}


def test_a_link_that_is_gone_says_nothing_and_the_outcome_comes_later(world: World) -> None:
    rows = world.produce(a="one")
    world.line.welcome = None
    world.collect({"files": rows})
    world.courier.close()
    with pytest.raises(Empty):
        world.inbox.get_nowait()
    again = World(world.tmp_path)
    again.collect({"files": rows})
    assert isinstance(again.event(), ev.Collected)
    again.courier.close()


def test_a_transfer_that_breaks_while_the_link_holds_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = world.produce(a="one")
    fail_first(
        monkeypatch, world.session, "pull", *[SessionLost("lab1: the link broke during a transfer")] * 9
    )
    world.collect({"files": rows})
    assert isinstance(world.event(), ev.Collected)


WAITED_FOR = {
    "here": NO_SPACE,
    "in rsync": DiskFull("lab1", "the disk is full", ("rsync",), "No space left on device (28)"),
    "in a copy": RemoteError.of("lab1", "cannot copy a to b: b/x: No space left on device", NO_SPACE),
}


@pytest.mark.parametrize("error", WAITED_FOR.values(), ids=WAITED_FOR)
def test_a_full_disk_is_said_and_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    rows = world.produce(a="one")
    fail_first(monkeypatch, world.session, "pull", *[error] * 20)
    world.collect({"files": rows})
    for _ in range(20):
        text = world.note()
        assert text.startswith("alpha/job: cannot be brought home, will try again:")
        assert "No space left" in text and text.endswith(
            "; make room on that disk, nothing is lost meanwhile"
        )
    assert isinstance(world.event(), ev.Collected)


def test_what_is_gone_on_the_worker_is_given_up(world: World) -> None:
    world.collect({"files": [["a", 1, SHA]]})
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed) and "No such file" in failed.problem
    assert len(world.session.calls) == REMOTE_TRIES


def trained(world: World, name: str | None = "cnn") -> dict[str, Any]:
    """Let a base model lie in the worker's cache, and return the agent's account of it."""
    made = world.tmp_path / "made"
    rows = put(made, {"best_base_model.pt": "weights"})
    found = hash_of(made)
    put(WorkLayout(world.remote / "work").cached(found), {"best_base_model.pt": "weights"})
    return {"content_hash": found, "files": rows, "name": name}


def test_a_base_model_comes_into_the_store_and_can_be_given_out(world: World) -> None:
    account = trained(world)
    rows = world.produce(BASE, a="beside it")
    world.collect({"base_model": account, "files": rows, "duration_s": 3.0, "started_at": 1.0}, BASE)
    assert world.event() == ev.Collected(5.0, BASE, 1, account["content_hash"])
    manifest = world.store.verify(SPEC)
    assert (manifest["config"], manifest["worker"], manifest["name"]) == ({"lr": SPEC}, "lab1", "cnn")
    assert manifest["trained_at"] == 1.0 and manifest["stored_at"] > 1e9, "clocks of workers may be apart"
    assert manifest["machine"]["gpus"] == [] and manifest["machine"]["driver"] is None
    assert (world.layout.phase1_output(BASE, 1) / "a").read_text() == "beside it"
    assert world.library.names == {account["content_hash"]: "cnn"}
    world.courier.deliver(cmd.Deliver("lab1", account["content_hash"]))
    assert isinstance(world.event(), ev.Delivered)


def test_training_again_may_leave_other_files_beside_the_base_model(world: World) -> None:
    account = trained(world)
    for attempt in (1, 2):
        rows = world.produce(BASE, attempt, a=f"took {attempt} s")
        world.collect({"base_model": account, "files": rows}, BASE, attempt)
        assert isinstance(world.event(), ev.Collected)


ACCOUNTS: dict[str, dict[str, Any]] = {
    "names a directory elsewhere": {"name": "../../../etc"},
    "names no directory": {"name": ""},
    "has other files": {"files": [["x", 1, SHA]]},
    "has another hash": {"content_hash": "../../.ssh"},
}


@pytest.mark.parametrize("changes", ACCOUNTS.values(), ids=ACCOUNTS)
def test_an_account_that_cannot_be_is_refused(world: World, changes: dict[str, Any]) -> None:
    world.collect({"base_model": {**trained(world), **changes}}, BASE)
    assert isinstance(world.event(), ev.CollectionFailed)
    assert not world.layout.base_model(SPEC).exists()
    assert world.session.calls == []


def test_a_base_model_that_is_not_as_announced_is_kept_out(world: World) -> None:
    account = trained(world)
    put(WorkLayout(world.remote / "work").cached(account["content_hash"]), {"best_base_model.pt": "torn"})
    world.collect({"base_model": account}, BASE)
    assert isinstance(world.event(), ev.CollectionFailed)
    assert not world.layout.base_model(SPEC).exists()


def test_an_account_with_strange_files_is_no_message(world: World) -> None:
    with pytest.raises(MessageError, match="unsafe path"):
        world.collect({"base_model": {**trained(world), "files": [["../x", 1, SHA]]}}, BASE)
    assert not world.layout.base_model(SPEC).exists()
    assert world.session.calls == []
