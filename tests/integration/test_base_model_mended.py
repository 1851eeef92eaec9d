"""A base model rots at home while a run goes on: another worker gets it from the one that has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from master.core.running.lifecycle import Trigger
from tests.integration.agent_harness import until
from tests.integration.ssh_place import started
from tests.support.runs import Run, search
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh

SCRIPT = """
import os, pathlib, time
model = pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "best.pt")
if os.environ["TWOPHASE_PHASE"] == "1":
    model.write_text("weights")
else:
    assert model.read_text() == "weights"
    while not pathlib.Path({go!r}).exists(): time.sleep(0.01)
"""


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSshd]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "nobody").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        yield sshd


def test_a_base_model_that_rots_at_home_is_fetched_from_a_worker(tmp_path: Path, sshd: LoopbackSshd) -> None:
    go, come, log = tmp_path / "go", tmp_path / "come", tmp_path / "log"
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.format(go=str(go)))
    server = {"gpus": 0, "cpu_slots": 1}
    first = {**server, "host": "localhost", "state_dir": str(tmp_path / "first")}
    later = {**server, "host": sshd.name, "state_dir": str(tmp_path / "later")}
    later["setup"] = f"while [ ! -e {come} ]; do sleep 0.1; done"
    env = {"TWOPHASE_AGENT_IDLE_S": "30", "TWOPHASE_SLOT_DIR": str(tmp_path / "slots")}
    run = Run(
        tmp_path, [first, later], search(folds=1)[:2], script=script, cluster=sshd.client.files, env=env
    )
    master = run.start("--log-file", str(log))
    until(lambda: log.exists() and "started   batch_comp" in log.read_text())
    (model,) = run.layout.base_models.glob("*/best.pt")
    model.chmod(0o644)
    model.write_text("Weights")
    come.touch()
    until(lambda: log.read_text().count("started   batch_comp") == 2)
    go.touch()
    told, _ = master.communicate(timeout=120)
    assert master.returncode == 0, told
    assert "is damaged; moved to" in log.read_text() and "fetched anew from localhost" in log.read_text()
    assert [path.read_text() for path in run.layout.base_models.glob("*/best.pt")].count("weights") == 1
    assert sum(job.startswith("base_models/") for job in run.count(Trigger.ASSIGN)) == 1
