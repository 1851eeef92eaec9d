"""What scripts leave comes home, in both commands, and no job sees what another wrote."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.runs import Run
from tests.support.shop import Shop

LEAVES = """
import os, pathlib, tempfile
out = pathlib.Path(os.environ["TWOPHASE_OUTPUT_DIR"]); scratch = pathlib.Path(tempfile.mkdtemp())
(scratch / "ckpt.pt").write_text("weights"); (out / "checkpoints").symlink_to(scratch)
(out / "version_0").mkdir(); (out / "version_0" / "m.pt").write_text("m")
(out / "latest").symlink_to("version_0")
(out / "best.pt").symlink_to("version_0/m.pt"); (out / "broken.pt").symlink_to("gone.pt")
runs = pathlib.Path("runs"); runs.mkdir(); (runs / "empty").mkdir()
(runs / "go.sh").write_text("#!/bin/sh"); (runs / "go.sh").chmod(0o755)
"""
RESUMES = """
import argparse, pathlib
parser = argparse.ArgumentParser(); parser.add_argument("--seed", type=int)
seed = parser.parse_args().seed
last = pathlib.Path(__file__).with_name("checkpoints") / "last.txt"
assert not last.exists(), "resumed from " + last.read_text()
last.parent.mkdir(); last.write_text(str(seed)); pathlib.Path("settings.ini").write_text(str(seed))
"""
LINKS = """
import pathlib, tempfile
folder = pathlib.Path("checkpoints"); folder.mkdir(); (folder / "epoch3.ckpt").write_text("w")
(folder / "best.ckpt").symlink_to("epoch3.ckpt")
far = pathlib.Path(tempfile.mkdtemp(), "model.pt"); far.write_text("weights")
pathlib.Path("model.pt").symlink_to(far)
"""


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "job.json")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def local_run(root: Path, script: str, jobs: object, slots: int = 1) -> Run:
    (root / "project").mkdir()
    (root / "project" / "train.py").write_text(script)
    (root / "project" / "settings.ini").write_text("none")
    servers = [{"host": "localhost", "gpus": 0, "cpu_slots": slots, "state_dir": str(root / "state")}]
    env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "30"}
    return Run(root, servers, jobs, root / "project" / "train.py", env=env)


def test_links_folders_and_modes_come_home_and_what_is_broken_is_told(tmp_path: Path) -> None:
    run = local_run(tmp_path, LEAVES, {"base_model": False, "jobs": [{"id": "one", "lr": 0.1}]})
    done = run.finish("--json")
    home = run.layout.result("alpha/one")
    assert contents(home) == {
        **{"checkpoints/ckpt.pt": "weights", "version_0/m.pt": "m", "latest/m.pt": "m", "best.pt": "m"},
        "runs/go.sh": "#!/bin/sh",
    }
    assert (home / "runs" / "empty").is_dir() and (home / "runs" / "go.sh").stat().st_mode & 0o100
    (job,) = json.loads(done.stdout)["jobs"]
    assert job["left_out"] == [{"path": "broken.pt", "reason": "a link to nothing: gone.pt"}]


def test_no_job_sees_what_another_wrote_beside_the_script(tmp_path: Path) -> None:
    jobs = {"base_model": False, "jobs": [{"id": f"s{seed}", "seed": seed} for seed in range(6)]}
    run = local_run(tmp_path, RESUMES, jobs, slots=2)
    run.finish()
    for seed in range(6):
        found = contents(run.layout.result(f"alpha/s{seed}"))
        assert found == {"checkpoints/last.txt": str(seed), "settings.ini": str(seed)}
    assert (tmp_path / "project" / "settings.ini").read_text() == "none"


def test_links_that_run_all_training_s_scripts_make_come_home_as_files(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    shop = Shop(tmp_path, tmp_path / "project")
    shop.write("train_link.py", LINKS)
    (job,) = shop.summary()["jobs"]
    found = contents(Path(job["output"]))
    assert found == {"checkpoints/epoch3.ckpt": "w", "checkpoints/best.ckpt": "w", "model.pt": "weights"}
