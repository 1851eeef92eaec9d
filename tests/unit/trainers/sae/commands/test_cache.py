"""`train_sae cache` tells of the cache and empties it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainers.common.prepared_cache import PreparedCache, key_of
from trainers.sae.cli import main


def test_the_cache_is_told_and_emptied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache, key = PreparedCache(tmp_path, 1 << 30), key_of("x", {})
    cache.find(key)
    cache.add(key, 4, lambda folder: {"n": (folder / "rows").write_bytes(b"abcd")})
    cache.find(key)
    place = ["--prepared-cache", str(tmp_path)]
    assert main(["cache", *place]) == 0
    assert "1 entries, 0 MiB of at most 20480; 1 of 2 looks found theirs (50%)" in capsys.readouterr().out
    assert main(["cache", *place, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["entries"], told["hits"], told["misses"], told["hit_rate"]) == (1, 1, 1, 0.5)
    assert main(["cache", *place, "--clear", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["entries"], told["bytes"]) == (0, 0) and told["freed"] > 4
    assert main(["cache", *place, "--clear"]) == 0 and "freed 0 MiB" in capsys.readouterr().out


def test_without_a_cache_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--prepared-cache", "off"]) == 2
    assert "there is no cache of prepared activations: it is off" in capsys.readouterr().err
