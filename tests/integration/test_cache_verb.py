"""`twophase cache`, beside a run whose job uses a base model, and after it; and over SSH."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.verbs.machines.cache import main
from tests.integration.ssh_place import await_true, started
from tests.support.runs import Run
from tests.unit.master.verbs.published import as_published

SCRIPT = """
import argparse, os, pathlib, sys, time
flags = argparse.ArgumentParser()
flags.add_argument("--folder")
flags.add_argument("--seed")
flags.add_argument("--mode")
job = flags.parse_args()
if os.environ["TWOPHASE_PHASE"] == "1":
    pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.bin").write_bytes(b"w" * 4096)
else:
    folder = pathlib.Path(job.folder)
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    sys.exit(len((pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"]) / "model.bin").read_bytes()) != 4096)
"""


def caches(capsys: pytest.CaptureFixture[str], config: Path, *words: str, code: int = 0) -> list[Any]:
    capsys.readouterr()
    assert main([*words, "--cluster-config", str(config), "--json"]) == code
    return list(as_published("cache", capsys.readouterr().out)["workers"])


def test_what_a_running_job_uses_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(tmp_path / "state")}
    jobs = {"base_model": {"include": ["seed"]}, "jobs": [{"seed": 1, "folder": str(tmp_path)}]}
    run = Run(tmp_path, [server], jobs, script, env={"TWOPHASE_AGENT_IDLE_S": "20"})
    config = tmp_path / "cluster.json"
    master = run.start("--retries", "0")
    try:
        await_true(lambda: (tmp_path / "begun").exists() or master.poll() is not None)
        (before,) = caches(capsys, config, "ls")
        (cleared,) = caches(capsys, config, "clear")
        users = [who for item in before["artefacts"] for who in item["used_by"]]
        assert any(who.startswith("run ") for who in users) and any(
            who.startswith("process") for who in users
        )
        assert not [item for item in cleared["artefacts"] if item["removed"] and item["used_by"]]
    finally:
        (tmp_path / "go").touch()
        out, _ = master.communicate(timeout=60)
    assert master.returncode == 0, out
    await_true(lambda: not any(item["used_by"] for item in caches(capsys, config, "ls")[0]["artefacts"]))
    (dry,) = caches(capsys, config, "clear", "--dry-run")
    assert dry["artefacts"] and all(item["removed"] for item in dry["artefacts"])
    (verified,) = caches(capsys, config, "verify")
    assert len(verified["artefacts"]) == len(dry["artefacts"])
    caches(capsys, config, "clear")
    assert caches(capsys, config, "ls")[0]["artefacts"] == []
    (base_model,) = (path.name for path in run.layout.base_models.iterdir())
    for told in ("was sent it", "has it already"):
        push = ["push", base_model[:8], "--run", str(run.layout.root), "--cluster-config", str(config)]
        assert main(push) == 0 and told in capsys.readouterr().out
    (pushed,) = caches(capsys, config, "verify")[0]["artefacts"]
    assert pushed["base_model"] and not pushed["problem"]


@pytest.mark.ssh
def test_the_cache_of_a_worker_behind_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        config = tmp_path / "cluster.json"
        config.write_text(json.dumps({"servers": [{"host": sshd.name, "gpus": 0}], **sshd.client.files}))
        (empty,) = caches(capsys, config, "ls")
        assert empty["artefacts"] == [] and empty["folder"].startswith(str(sshd.home))
        rotten = Path(empty["folder"]) / "cache" / ("a" * 64)
        rotten.mkdir(parents=True)
        (rotten / "x").write_text("no such hash")
        (verified,) = caches(capsys, config, "verify", code=1)
        assert "its content hash is" in verified["artefacts"][0]["problem"]
        (cleared,) = caches(capsys, config, "clear", "--worker", sshd.name)
        assert cleared["artefacts"][0]["removed"] and not rotten.exists()
