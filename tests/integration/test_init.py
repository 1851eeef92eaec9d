"""`twophase init` on this machine: what it writes is a cluster config that runs take."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.intake.cluster import read_cluster
from master.verbs.init import main


def test_this_machine_becomes_a_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cluster_config.json"
    assert main(["--cluster-config", str(path), "--here", "--hosts", "none", "--yes"]) == 0
    assert [server.name for server in read_cluster(path).servers] == ["localhost"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "localhost" and lines[-3].startswith(f"{path} is written. Next")
