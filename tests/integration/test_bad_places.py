"""What happens to a worker's disk under a living agent costs no job."""

from __future__ import annotations

import shutil

from tests.integration.agent_harness import WRITE_OUTPUT, Host
from worker_agent.protocol import messages as msg


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
