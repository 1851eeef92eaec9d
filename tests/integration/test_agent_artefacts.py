"""Base models, artefacts and checkpoints on a worker."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from tests.integration.agent_harness import (
    PATIENCE_S,
    Host,
    content_of,
    until,
)
from tests.support.attempt_paths import paths_of
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event


def test_eight_attempts_want_an_artefact_once(host: Host) -> None:
    master = host.connect()
    name = content_of({"data.txt": "d"})
    for index in range(8):
        code = "print(open('inputs/data.txt').read())"
        master.launch(f"j{index}", code, mounts=[{"at": "inputs", "artefact": name}])
    master.settle()
    assert master.said(msg.Wanted) == [msg.Wanted(name)]
    assert [item.kind for item in master.said(Event)] == ["staging"] * 8
    again = host.connect()
    again.settle()
    assert again.said(msg.Wanted) == [msg.Wanted(name)]
    assert host.deliver({"data.txt": "d"}) == name
    again.send(msg.Delivered(name))
    assert [again.finished(f"j{index}").outcome for index in range(8)] == ["succeeded"] * 8
    assert len(again.said(msg.Wanted)) == 1
    assert host.connect().welcome.cached == [name]


def test_what_is_not_what_its_hash_says_is_rejected(host: Host) -> None:
    master = host.connect()
    name = content_of({"data.txt": "right"})
    master.launch("a", "pass", mounts=[{"at": "d", "artefact": name}])
    master.wait(lambda item: isinstance(item, msg.Wanted))
    host.deliver({"data.txt": "wrong"}, name=name)
    master.send(msg.Delivered(name))
    rejected = master.wait(lambda item: isinstance(item, msg.Rejected))
    assert rejected.content_hash == name and "instead of" in rejected.problem
    assert (host.work().set_aside(name) / "data.txt").read_text() == "wrong"
    assert not host.work().cached(name).exists()
    host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"


def test_a_cached_artefact_that_changed_is_wanted_again(host: Host) -> None:
    master = host.connect()
    name = host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    master.launch("a", "pass", mounts=[{"at": "d", "artefact": name}])
    assert master.finished("a").outcome == "succeeded"
    cached = host.work().cached(name) / "data.txt"
    cached.chmod(0o644)
    cached.write_text("wrong")
    master.launch("b", "print(open('d/data.txt').read())", mounts=[{"at": "d", "artefact": name}])
    assert master.wait(lambda item: isinstance(item, msg.Wanted)) == msg.Wanted(name)
    host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    done = master.finished("b")
    assert done.inline == {"": base64.b64encode(b"right\n").decode()}


LEGACY_PHASE_1 = """
import pathlib
base = pathlib.Path("experiments/base_models/my_base")
base.mkdir(parents=True)
(base / "best.pt").write_text("weights")
(pathlib.Path("experiments") / "notes.txt").write_text("n")
"""


LEGACY_PHASE_2 = """
import pathlib
weights = pathlib.Path("experiments/base_models/my_base/best.pt").read_text()
result = pathlib.Path("experiments/alpha/fold0_p1")
result.mkdir(parents=True)
(result / "metrics.json").write_text(weights)
"""


def test_a_script_that_knows_only_experiments_works_unchanged(host: Host) -> None:
    master = host.connect()
    master.launch("base_models/s1", LEGACY_PHASE_1, phase=1)
    made = master.finished("base_models/s1")
    assert made.outcome == "succeeded" and made.base_model
    assert made.base_model.name == "my_base"
    assert [row[0] for row in made.base_model.files] == ["best.pt"]
    assert [row[0] for row in made.files] == ["notes.txt"]
    name = made.base_model.content_hash
    assert (host.work().cached(name) / "best.pt").read_text() == "weights"
    mounts = [{"at": "experiments/base_models/my_base", "artefact": name}]
    master.launch("alpha/fold0_p1", LEGACY_PHASE_2, base_model=name, mounts=mounts)
    done = master.finished("alpha/fold0_p1")
    assert [row[0] for row in done.files] == ["metrics.json"]
    assert not master.said(msg.Wanted)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("pass", "left no base model"),
        (
            "import pathlib\nfor n in 'ab':\n p = pathlib.Path('experiments/base_models', n)\n"
            " p.mkdir(parents=True); (p / 'x').touch()",
            "several base models: a, b",
        ),
        (
            "import os, pathlib\np = pathlib.Path(os.environ['TWOPHASE_BASE_MODEL_DIR'])\n"
            "(p / 'manifest.json').touch(); (p / 'x').touch()",
            "manifest.json",
        ),
    ],
)
def test_a_base_model_that_is_none_fails_with_the_reason(host: Host, code: str, error: str) -> None:
    master = host.connect()
    master.launch("base_models/s1", code, phase=1)
    done = master.finished("base_models/s1")
    assert done.outcome == "failed" and done.error and error in done.error and done.base_model is None


RESUME = """
import os, pathlib, signal, sys
folder = pathlib.Path(os.environ["TWOPHASE_CHECKPOINT_DIR"])
found = sorted(path.name for path in folder.iterdir())
print("found", found, flush=True)
if found:
    sys.exit(0)
def save(*_):
    (folder / "epoch3").write_text("state")
    sys.exit(75)
signal.signal(signal.SIGINT, save)
(folder / "ready").touch()
(folder / "ready").unlink()
pathlib.Path({ready!r}).touch()
while True: signal.pause()
"""


def test_a_checkpoint_written_at_the_end_moves_to_another_worker(host: Host, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    master, code = host.connect(kill_grace_s=PATIENCE_S), RESUME.format(ready=str(ready))
    master.launch("alpha/a", code, timeout_s=600.0)
    until(ready.exists)
    master.send(msg.Cancel("alpha/a", 1))
    done = master.finished("alpha/a")
    assert (done.outcome, done.exit_code) == ("cancelled", 75) and done.checkpoint
    assert [row[0] for row in done.checkpoint.files] == ["epoch3"]
    name = done.checkpoint.content_hash
    other = Host(tmp_path / "other")
    try:
        there = other.connect()
        there.launch("alpha/a", code, attempt=2, checkpoint=name, checkpoint_attempt=1)
        assert there.wait(lambda item: isinstance(item, msg.Wanted)) == msg.Wanted(name)
        shutil.copytree(host.work().checkpoints("r1", "alpha/a", 1), other.work().incoming("r1", name))
        there.send(msg.Delivered(name))
        done = there.finished("alpha/a", 2)
        assert done.outcome == "succeeded" and done.checkpoint is None
        assert paths_of(other.work().attempt("r1", "alpha/a", 2)).log.read_text() == "found ['epoch3']\n"
        there.send(msg.Release("alpha/a", 2))
        until(lambda: not other.work().checkpoints("r1", "alpha/a", 2).exists())
    finally:
        other.close()
    master.launch("alpha/a", code, attempt=3, checkpoint=name, checkpoint_attempt=1)
    assert master.finished("alpha/a", 3).outcome == "succeeded"
    assert not master.said(msg.Wanted)
    master.send(msg.DropCheckpoints("alpha/a"))
    until(lambda: not host.work().checkpoints("r1", "alpha/a", 3).exists())
