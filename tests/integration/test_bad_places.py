"""What happens to a worker's disk under a living agent costs no job."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.integration.agent_harness import WAIT_FOR_FILE, WRITE_OUTPUT, Host, Master, until
from worker_agent.protocol import messages as msg

FILL = "f = open({path!r}, 'wb')\nwhile True: f.write(b'x' * (1 << 20)); f.flush()"

WRITE_MUCH = "import os; open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/out', 'wb').write(b'x' * (4 << 20))"


def test_a_full_disk_is_no_fault_of_the_jobs(host: Host, small_disk: Path) -> None:
    master = host.connect(work_dir=str(small_disk))
    master.launch("filler", FILL.format(path=str(small_disk / "ballast")))
    done = master.finished("filler")
    assert done.outcome == "worker_fault" and "no space left on the disk of" in (done.error or "")
    master.launch("a", WRITE_MUCH)
    assert master.finished("a").outcome == "worker_fault"
    (small_disk / "ballast").unlink()
    master.launch("a", WRITE_MUCH, attempt=2)
    assert master.finished("a", attempt=2).outcome == "succeeded"


def test_a_work_directory_that_was_wiped_costs_no_job(host: Host) -> None:
    master = host.connect()
    code = {"code.txt": "x"}
    name = host.deliver(code)
    master.launch("a", WRITE_OUTPUT, mounts=[{"at": "code", "artefact": name}])
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"
    master.send(msg.Release("a", 1))
    master.settle()
    shutil.rmtree(host.work().work_dir)
    for number in range(3):
        master.launch(f"b{number}", WRITE_OUTPUT)
    assert [master.finished(f"b{number}").outcome for number in range(3)] == ["succeeded"] * 3
    master.launch("c", WRITE_OUTPUT, mounts=[{"at": "code", "artefact": name}])
    master.wait(lambda item: isinstance(item, msg.Wanted))
    master.send(msg.Delivered(host.deliver(code)))
    assert master.finished("c").outcome == "succeeded"


CHECK_CODE = "assert open('code/code.txt').read() == 'sound', 'not what it was'"


def rot(path: Path) -> None:
    """Change a byte of a file, and nothing that can be seen from outside."""
    before = path.stat()
    path.chmod(0o644)
    path.write_text("Sound")
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_job_that_fails_on_a_rotten_artefact_pays_nothing_and_it_is_brought_anew(host: Host) -> None:
    master, code = host.connect(), {"code.txt": "sound"}
    name = host.deliver(code)
    mounts = [{"at": "code", "artefact": name}]
    master.launch("a", CHECK_CODE, mounts=mounts)
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"
    rot(host.work().cached(name) / "code.txt")
    master.launch("b", CHECK_CODE, mounts=mounts)
    done = master.finished("b")
    assert done.outcome == "worker_fault" and "was damaged on this worker" in (done.error or "")
    assert (host.work().set_aside(name) / "code.txt").read_text() == "Sound"
    master.launch("b", CHECK_CODE, attempt=2, mounts=mounts)
    master.wait(lambda item: isinstance(item, msg.Wanted))
    master.send(msg.Delivered(host.deliver(code)))
    assert master.finished("b", attempt=2).outcome == "succeeded"


def test_all_jobs_pay_nothing_that_had_begun_when_the_rot_was_found(host: Host, tmp_path: Path) -> None:
    master, code = host.connect(cpu_slots=2), {"code.txt": "sound"}
    name = host.deliver(code)
    mounts = [{"at": "code", "artefact": name}]
    master.launch("a", CHECK_CODE, mounts=mounts)
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"
    rot(host.work().cached(name) / "code.txt")
    jobs = {"b": tmp_path / "b", "c": tmp_path / "c"}
    for job_id, go in jobs.items():
        master.launch(job_id, WAIT_FOR_FILE.format(path=str(go)) + "\nraise SystemExit(1)", mounts=mounts)
        master.wait_event("running", job_id)
    for job_id, go in jobs.items():
        go.touch()
        done = master.finished(job_id)
        assert done.outcome == "worker_fault" and "was damaged on this worker" in (done.error or "")


def test_what_rotted_between_two_agents_is_found_at_its_first_use(host: Host) -> None:
    master, code = host.connect(), {"code.txt": "sound"}
    name = host.deliver(code)
    mounts = [{"at": "code", "artefact": name}]
    master.launch("a", CHECK_CODE, mounts=mounts)
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"
    rot(host.work().cached(name) / "code.txt")
    other = host.connect("r2")
    other.launch("b", "pass", mounts=mounts)
    # The rot may be found before the job has begun: it is wanted anew then.  Else what it did does not count.
    first = other.wait(lambda item: isinstance(item, msg.Wanted) or getattr(item, "kind", "") == "running")
    if isinstance(first, msg.Wanted):
        other.send(msg.Delivered(host.deliver(code, "r2")))
        assert other.finished("b").outcome == "succeeded"
    else:
        done = other.finished("b")
        assert done.outcome == "worker_fault" and "was damaged on this worker" in (done.error or "")
    until(lambda: (host.work().set_aside(name) / "code.txt").exists())


WRITE_TO_BASE_MODEL = """
import os
path = os.environ["TWOPHASE_BASE_MODEL_DIR"] + "/best.pt"
os.chmod(path, 0o644)
open(path, "a").write("mine")
"""


def launch_on(master: Master, job_id: str, name: str, code: str, attempt: int = 1) -> None:
    master.launch(job_id, code, attempt=attempt, base_model=name, base_model_hash="0" * 64)


def test_a_job_that_wrote_to_its_base_model_has_failed_and_others_get_it_anew(host: Host) -> None:
    master, files = host.connect(), {"best.pt": "sound"}
    name = host.deliver(files)
    launch_on(master, "a", name, WRITE_TO_BASE_MODEL)
    master.send(msg.Delivered(name))
    done = master.finished("a")
    assert done.outcome == "failed" and "was changed while the job ran" in (done.error or "")
    assert (host.work().set_aside(name) / "best.pt").read_text() == "soundmine"
    launch_on(master, "b", name, "pass")
    master.wait(lambda item: isinstance(item, msg.Wanted))
    master.send(msg.Delivered(host.deliver(files)))
    assert master.finished("b").outcome == "succeeded"


def test_a_job_beside_one_that_wrote_to_their_base_model_is_done_again(host: Host, tmp_path: Path) -> None:
    master, go = host.connect(cpu_slots=2), tmp_path / "go"
    name = host.deliver({"best.pt": "sound"})
    launch_on(master, "reads", name, WAIT_FOR_FILE.format(path=str(go)))
    master.send(msg.Delivered(name))
    master.wait_event("running", "reads")
    launch_on(master, "writes", name, WRITE_TO_BASE_MODEL)
    assert master.finished("writes").outcome == "worker_fault"
    go.touch()
    done = master.finished("reads")
    assert done.outcome == "worker_fault" and "was damaged on this worker" in (done.error or "")


def test_an_agent_finds_rot_in_what_it_does_not_use(host: Host) -> None:
    master = host.connect()
    name = host.deliver({"code.txt": "sound"})
    master.launch("a", "pass", mounts=[{"at": "code", "artefact": name}])
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"
    rot(host.work().cached(name) / "code.txt")
    host.connect("r2")
    until(lambda: (host.work().set_aside(name) / "code.txt").exists())
    assert not host.work().cached(name).exists()


MAKE_BASE_MODEL = "import os; open(os.environ['TWOPHASE_BASE_MODEL_DIR'] + '/code.txt', 'w').write('sound')"


def test_a_base_model_that_came_home_wrong_is_hashed_where_it_was_made(host: Host) -> None:
    master = host.connect()
    master.launch("base_models/s1", MAKE_BASE_MODEL, phase=1, base_model_hash="5" * 32)
    made = master.finished("base_models/s1").base_model
    assert made
    name = made.content_hash
    rot(host.work().cached(name) / "code.txt")
    master.send(msg.Release("base_models/s1", 1, suspect=True))
    until(lambda: (host.work().set_aside(name) / "code.txt").exists())
    launch_on(master, "b", name, "pass")
    master.wait(lambda item: isinstance(item, msg.Wanted) and item.content_hash == name)
