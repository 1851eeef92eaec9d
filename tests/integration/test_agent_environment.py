"""What jobs of an agent find in their environment: `setup`, secrets, and what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.agent_harness import Host, Master, end, until
from tests.support.attempt_paths import paths_of
from worker_agent.protocol import messages as msg
from worker_agent.protocol.reports import Slots

SECRET = "s3cr3t-8f1b"
CHECK = "import os, sys; sys.exit(0 if os.environ.get('KEY') == 's3cr3t' + '-8f1b' else 9)"
SHOW = "import os; print(os.environ.get('LOADED'), os.environ['CUDA_DEVICE_ORDER'], os.environ.get('EXTRA'))"


def log_of(host: Host, job_id: str) -> str:
    return paths_of(host.work().attempt("r1", job_id, 1)).log.read_text()


def secret_files(*folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def connecting(host: Host, *messages: msg.Message, **settings: Any) -> Master:
    """Return a master that has sent hello and more, and has heard nothing yet."""
    process = subprocess.Popen(host.argv("r1"), stdin=-1, stdout=-1, stderr=-1, env=host.env)
    master = Master(process, host.layout().log)
    master.send(msg.Hello(msg.PROTOCOL, "r1", 1, msg.Settings(cpu_slots=1, **settings)), *messages)
    return master


# --- setup


def test_setup_runs_once_for_an_agent_and_all_jobs_have_what_it_made(host: Host, tmp_path: Path) -> None:
    lines = [f"echo ran >> {tmp_path}/ran", "export LOADED=$EXTRA-loaded CUDA_DEVICE_ORDER=FASTEST_FIRST"]
    master = host.connect(setup=lines, env={"EXTRA": "mine"})
    for name in "ab":
        master.launch(name, SHOW)
        assert master.finished(name).outcome == "succeeded"
        assert log_of(host, name) == "mine-loaded PCI_BUS_ID mine\n"
    again = host.connect(epoch=2, setup=lines, env={"EXTRA": "mine"})
    again.launch("c", SHOW)
    again.finished("c")
    assert log_of(host, "c").startswith("mine-loaded") and (tmp_path / "ran").read_text() == "ran\n"


def test_jobs_run_on_the_interpreter_that_setup_activates(host: Host, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    master = host.connect(setup=[f"export PATH={tmp_path}/bin:$PATH"])
    master.launch("a", "import sys; print(sys.executable)")
    master.finished("a")
    assert log_of(host, "a") == f"{tmp_path}/bin/python\n"


def test_a_setup_that_fails_refuses_the_master_and_may_be_mended(host: Host) -> None:
    refused = host.connect(setup=["echo no such license; exit 3"]).greeting
    assert isinstance(refused, msg.Refused)
    assert refused.reason.startswith("setup: line 1 (`echo no such license; exit 3`)")
    assert refused.reason.endswith("printed no such license")
    master = host.connect(epoch=2, setup=["export LOADED=now"])
    master.launch("a", SHOW)
    master.finished("a")
    assert log_of(host, "a").startswith("now ")


def test_while_setup_runs_the_agent_gives_signs_of_life(host: Host, tmp_path: Path) -> None:
    wait = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    master = connecting(host, msg.Ping(7), setup=[wait])
    master.wait(lambda item: isinstance(item, msg.Pong))
    assert master.seen == [msg.Pong(7)]
    (tmp_path / "go").touch()
    master.wait(lambda item: isinstance(item, msg.Welcome))
    master.leave()
    end(host.agent_pid(), signal.SIGTERM)


def test_a_master_that_leaves_during_setup_harms_nobody(host: Host, tmp_path: Path) -> None:
    wait = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; export LOADED=late"
    first = connecting(host, msg.Ping(7), setup=[wait])
    first.wait(lambda item: isinstance(item, msg.Pong))
    first.leave()
    (tmp_path / "go").touch()
    second = host.connect(epoch=2, setup=[wait])
    second.launch("a", SHOW)
    second.finished("a")
    assert log_of(host, "a").startswith("late ")


# --- secrets


def test_nothing_starts_before_its_secrets_are_there_and_no_file_has_them(host: Host, tmp_path: Path) -> None:
    master = host.connect(secrets=["KEY"])
    master.launch("a", CHECK)
    master.settle()
    assert not [item for item in master.said(msg.Event) if item.kind == "running"]
    master.send(msg.Secrets({"KEY": SECRET}))
    assert master.finished("a").exit_code == 0
    master.settle()
    assert secret_files(tmp_path) == []


def test_a_restarted_agent_waits_for_them_anew(host: Host, tmp_path: Path) -> None:
    master = host.connect(secrets=["KEY"])
    master.send(msg.Secrets({"KEY": SECRET}))
    master.launch("a", CHECK)
    assert master.finished("a").exit_code == 0
    os.kill(host.agent_pid(), signal.SIGKILL)
    master.ended()
    again = host.connect(epoch=2, secrets=["KEY"])
    again.launch("b", CHECK)
    again.settle()
    assert not [item for item in again.said(msg.Event) if (item.kind, item.job_id) == ("running", "b")]
    again.send(msg.Secrets({"KEY": SECRET}))
    assert again.finished("b").exit_code == 0
    assert secret_files(tmp_path) == []


def test_no_process_shows_them_in_its_arguments(host: Host, tmp_path: Path) -> None:
    master = host.connect(secrets=["KEY"])
    master.send(msg.Secrets({"KEY": SECRET}))
    master.launch(
        "a", f"import pathlib, time\nwhile not pathlib.Path('{tmp_path}/go').exists(): time.sleep(0.01)"
    )
    master.wait_event("running", "a")
    shown = [path for path in Path("/proc").glob("[0-9]*/cmdline") if SECRET.encode() in _bytes(path)]
    (tmp_path / "go").touch()
    assert shown == []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# --- what is missing


def test_what_jobs_will_not_find_is_told(host: Host) -> None:
    master = host.connect(modules=["json", "nosuch_module"])
    told: list[str] = []
    until(lambda: master.settle() or told.extend(_notes(master)) or told)
    assert told[:1] == [f"no module nosuch_module in {sys.executable}"]


def test_a_worker_without_the_data_refuses_and_may_be_mended(host: Host, tmp_path: Path) -> None:
    refused = host.connect(directories=[f"{tmp_path}/data"]).greeting
    assert isinstance(refused, msg.Refused)
    assert refused.reason.startswith(f"no directory {tmp_path}/data, which `data` names: put the data there")
    (tmp_path / "data").mkdir()
    assert isinstance(host.connect(epoch=2, directories=[f"{tmp_path}/data"]).greeting, msg.Welcome)


def test_a_worker_without_a_required_module_refuses_and_may_be_mended(host: Host, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    needs = {"required_modules": ["json", "labtools"], "env": {"PYTHONPATH": f"{tmp_path}/lib"}}
    refused = host.connect(**needs).greeting
    assert isinstance(refused, msg.Refused)
    assert refused.reason.startswith(f"no module labtools in {sys.executable}, and the script imports it")
    (tmp_path / "lib" / "labtools.py").touch()
    master = host.connect(epoch=2, **needs)
    master.launch("a", "import labtools")
    assert master.finished("a").exit_code == 0


def _notes(master: Master) -> list[str]:
    return [note for item in master.said(Slots) for note in item.notes]
