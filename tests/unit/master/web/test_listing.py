"""Pages of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from master.core.explaining.standing import Standing
from master.web.listing import Wish, row_json, selected
from master.web.run_watch import RunWatch
from tests.support.endings import finished
from worker_agent.protocol.codec import dump

BASE = "a" * 32


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (Wish(states=("failed", "running")), ["alpha/lr=0.1", "alpha/plain"]),
        (Wish("lr=0.1"), ["alpha/lr=0.1", "alpha/plain"]),
        (Wish("lr=0.1 seed=1"), ["alpha/lr=0.1"]),
        (Wish("lr=1e-1 PLAIN"), ["alpha/plain"]),
        (Wish("lab1 plain"), ["alpha/plain"]),
        (Wish("luck"), ["alpha/lr=0.1"]),
        (Wish("nothing=1"), []),
        (Wish(base=BASE), ["alpha/lr=0.1", f"base_models/{BASE}"]),
    ],
)
def test_words_must_all_fit(wish: Wish, found: list[str], watch: RunWatch) -> None:
    assert selected(watch.model, wish) == found


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("state", "alpha/lr=0.1", f"base_models/{BASE}"),
        ("since", "base_models/" + "b" * 32, "alpha/plain"),
        ("job", "alpha/lr=0.01", "base_models/" + "b" * 32),
        ("worker", "base_models/" + "b" * 32, "alpha/plain"),
        ("tries", "base_models/" + "b" * 32, "alpha/plain"),
    ],
)
def test_the_order(sort: str, first: str, last: str, watch: RunWatch) -> None:
    found = selected(watch.model, Wish(sort=sort))
    assert (found[0], found[-1]) == (first, last) and len(found) == 5
    assert sorted(selected(watch.model, Wish(sort=sort, reverse=True))) == sorted(found)


def test_a_line_says_why(watch: RunWatch) -> None:
    failed = row_json(watch.model, "alpha/lr=0.1")
    assert (failed["state"], failed["why"], failed["seconds"]) == ("failed", "out of luck", 2.0)
    watch.model.standings["alpha/lr=0.1"].detail = dump(
        finished("failed", exit_code=1, stderr_tail="a\nnan\x1b[0m\n")
    )
    assert row_json(watch.model, "alpha/lr=0.1")["why"] == "out of luck: nan"
    waits = row_json(watch.model, "alpha/lr=0.01")
    assert waits["why"] == "waits for base model bbbbbbbb, which is pending"
    assert row_json(watch.model, "alpha/plain", "runs on lab1")["why"] == "runs on lab1"


def test_a_word_is_looked_for_once_and_not_ever_so_many_are(
    watch: RunWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, fitting = list[str](), watch.model.texts.fitting

    def counted(word: str, job_ids: Iterable[str], standings: Mapping[str, Standing]) -> list[str]:
        looks.append(word)
        return fitting(word, job_ids, standings)

    monkeypatch.setattr(watch.model.texts, "fitting", counted)
    assert selected(watch.model, Wish("plain " * 80)) == ["alpha/plain"] and looks == ["plain"]
    with pytest.raises(ValueError, match="17 words, at most 16 are looked for at once"):
        selected(watch.model, Wish(" ".join(map(str, range(17)))))
    assert looks == ["plain"]
