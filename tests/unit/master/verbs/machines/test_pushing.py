"""`twophase cache push`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.runs.usage.caches import CacheLook
from master.runs.usage.pushing import Parcel, Pushed
from master.verbs.machines import pushing
from master.verbs.machines.cache import main
from tests.unit.master.verbs.conftest import FIRST
from tests.unit.master.verbs.published import as_published
from tests.unit.master.verbs.stored.conftest import Store, store
from worker_agent.protocol.digests import holds
from worker_agent.protocol.looks.cache import CachedItem, CacheNow

__all__ = ["store"]


def answered(item: CachedItem | None, *, was_sent: bool) -> Pushed:
    cache = CacheNow("/w", 0, [item]) if item else None
    return Pushed(CacheLook("localhost", cache, "" if item else "timed out"), was_sent)


@pytest.mark.parametrize(
    ("result", "out", "err", "code"),
    [
        (answered(CachedItem("c" * 64, 3_000_000, 1.0), was_sent=True), "was sent it, 3.0 MB", "", 0),
        (answered(CachedItem("c" * 64, 3_000_000, 1.0), was_sent=False), "has it already, 3.0 MB", "", 0),
        (answered(CachedItem("c" * 64, 0, 1.0, problem="torn"), was_sent=True), "", "localhost: torn", 1),
        (answered(None, was_sent=False), "", "localhost: timed out", 1),
    ],
)
def test_it_is_told_who_was_sent_it(
    run: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    result: Pushed,
    out: str,
    err: str,
    code: int,
) -> None:
    store(FIRST, {})
    sent = list[Parcel]()

    def push(cluster: Any, servers: Any, parcel: Parcel) -> list[Pushed]:
        sent.append(parcel)
        return [result]

    monkeypatch.setattr(pushing, "push_to_caches", push)
    words = ["push", FIRST[:6], "--run", str(run)]
    assert main(words) == code
    told = capsys.readouterr()
    assert out in told.out and err in told.err
    assert holds(sent[0].path, sent[0].content_hash)
    assert main([*words, "--json"]) == code
    as_published("cache", capsys.readouterr().out)


def test_what_is_damaged_at_home_is_sent_to_nobody(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (store(FIRST, {}) / "model.bin").write_text("other")
    assert main(["push", FIRST, "--run", str(run)]) == 2
    assert "is damaged: `twophase base verify` tells more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["push"], "push: which base model?"),
        (["push", "abcdef", "--run", "/nowhere"], "/nowhere is no directory"),
        (["ls", "abcdef"], "a base model and --run are for `push`"),
        (["verify", "--run", "."], "a base model and --run are for `push`"),
    ],
)
def test_wrong_words_are_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err
