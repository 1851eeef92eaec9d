"""`twophase cache`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from master.errors import UsageError
from master.runs.usage import caches
from master.runs.usage.caches import CacheLook
from master.specs import ClusterSpec, ServerSpec
from master.verbs.machines.cache import as_json, chosen, lines, main
from tests.unit.master.verbs.published import as_published
from worker_agent.protocol.looks.cache import CachedItem, CacheNow

CLUSTER = ClusterSpec((ServerSpec("lab1", "lab1"), ServerSpec("lab2", "lab2")))
USED = CachedItem("a" * 64, 3_000_000_000, 1_700_000_000.0, "cnn \x1b[31mfold 0", ["run r1"])
IDLE = CachedItem("b" * 64, 5_000_000, 1_700_000_000.0, removed=True)
BAD = CachedItem("c" * 64, 1, 0.0, problem="its content hash is x")


def test_workers_are_chosen_by_name() -> None:
    assert [server.name for server in chosen(CLUSTER, None)] == ["lab1", "lab2"]
    assert [server.name for server in chosen(CLUSTER, ["lab2", "lab2"])] == ["lab2"]
    with pytest.raises(UsageError, match=r"no worker `lab3` in the cluster config: .*lab"):
        chosen(CLUSTER, ["lab3"])


def test_the_largest_comes_first_with_who_uses_it_and_a_sum() -> None:
    found = [CacheLook("lab1", CacheNow("/w", 1, [IDLE, USED])), CacheLook("lab2", None, "timed out")]
    head, first, second, total = lines(found, "clear", dry_run=True)
    assert head.split()[:3] == ["WORKER", "ARTEFACT", "SIZE"]
    assert first.split("  ")[:2] == ["lab1", "   aaaaaaaaaaaa"] or first.startswith("lab1    aaaaaaaaaaaa")
    assert first.endswith("in use    base model cnn fold 0, run r1") and "3,000.0 MB" in first
    assert "would go" in second and second.startswith("lab1    bbbbbbbbbbbb")
    assert total == "lab1: 0.01 GB would go, 3.00 GB kept in /w"


def test_what_is_published_is_as_the_schema_has_it() -> None:
    found = [CacheLook("lab1", CacheNow("/w", 0, [USED, BAD])), CacheLook("lab2", None, "timed out")]
    text = json.dumps({"workers": [as_json(each) for each in found]})
    one, two = as_published("cache", text)["workers"]
    assert one["free_bytes"] is None and one["artefacts"][1]["problem"] == "its content hash is x"
    assert (two["problem"], two["artefacts"]) == ("timed out", [])


@pytest.mark.parametrize(("item", "code"), [(USED, 0), (BAD, 1)])
def test_damage_is_told_by_the_exit_code(
    item: CachedItem, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(*asked: Any) -> list[CacheLook]:
        return [CacheLook("localhost", CacheNow("/w", 1, [item]))]

    monkeypatch.setattr(caches, "look_at_caches", look)
    assert main(["verify"]) == code
    assert ("damaged" if code else "whole") in capsys.readouterr().out


def test_a_dry_run_is_of_clear_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--dry-run"]) == 2
    assert "--dry-run is for `clear`: `ls` removes nothing" in capsys.readouterr().err
