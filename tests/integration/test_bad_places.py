"""What happens to a worker's disk under a living agent costs no job."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import WRITE_OUTPUT, Host
from worker_agent.protocol import messages as msg

FILL = "f = open({path!r}, 'wb')\nwhile True: f.write(b'x' * (1 << 20)); f.flush()"

WRITE_MUCH = "import os; open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/out', 'wb').write(b'x' * (4 << 20))"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own with 64 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], capture_output=True, check=False
    )
    if os.getuid() != 0 or mounted.returncode:
        pytest.skip("only root can mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


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
