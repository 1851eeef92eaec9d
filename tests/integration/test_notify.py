"""People are told of real runs: over HTTP by apprise, and by a command."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from master.notify.messages import Message
from master.notify.sending import deliver, look
from master.specs import NotifySpec
from tests.support.runs import ROOT, Run

PASSWORD = "s3cr3t-of-the-lab"
MESSAGE = Message("end", "title <b>", "text & more", {"exit_code": 0})
SCRIPT = """\
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
x = parser.parse_args().x
print("environment", sorted(os.environ.items()))
if x == 2:
    raise SystemExit("it went wrong: x is 2")
"""
COMMAND = """\
import pathlib, sys
with pathlib.Path(sys.argv[1]).open("a") as stream:
    print(sys.stdin.read(), file=stream)
"""


class Service(ThreadingHTTPServer):
    """Takes messages as apprise's `json://` sends them."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    pytest.importorskip("apprise")
    server = Service()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    pytest.importorskip("apprise")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def addresses(folder: Path, *ports: int) -> Path:
    path = folder / "told"
    path.write_text("".join(f"json://me:{PASSWORD}@127.0.0.1:{port}/hook\n" for port in ports))
    path.chmod(0o600)
    return path


def command(folder: Path, text: str = COMMAND) -> tuple[str, ...]:
    path = folder / "tell.py"
    path.write_text(text)
    return sys.executable, str(path), str(folder / "told.jsonl")


def test_a_message_comes_whole(service: Service, tmp_path: Path) -> None:
    spec = NotifySpec(str(addresses(tmp_path, service.server_port)))
    assert look(spec).schemes == ("json",) and not service.got
    assert deliver(spec, MESSAGE, "here") == []
    (got,) = service.got
    assert (got["title"], got["message"]) == (MESSAGE.title, MESSAGE.text)


def test_an_address_that_does_not_answer_is_given_up_and_holds_up_no_other(
    service: Service, silent_port: int, tmp_path: Path
) -> None:
    path = addresses(tmp_path, silent_port, service.server_port)
    (told,) = deliver(NotifySpec(str(path)), MESSAGE, "here")
    assert told in ("address 1 (json) did not take it", "address 1 (json) gave no answer in 15 s")
    assert len(service.got) == 1


def test_a_command_gets_json_and_is_ended_when_it_hangs(tmp_path: Path) -> None:
    spec = NotifySpec(command=command(tmp_path))
    assert deliver(spec, MESSAGE, "/run on head") == []
    assert json.loads((tmp_path / "told.jsonl").read_text()) == {
        **{"event": "end", "title": MESSAGE.title, "text": MESSAGE.text},
        **{"run": "/run on head", "exit_code": 0},
    }
    hangs = NotifySpec(command=command(tmp_path, "import time; time.sleep(60)"))
    assert deliver(hangs, MESSAGE, "", 1.0) == ["the command took longer than 1 s and was ended"]
    fails = NotifySpec(command=command(tmp_path, f"raise SystemExit('{PASSWORD}')"))
    assert deliver(fails, MESSAGE, "") == ["the command ended with exit code 1"]


def lab(folder: Path, told: Path) -> Run:
    """Return a run of three jobs of which one fails, with a user who is told in both ways."""
    script = folder / "project" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(folder / "state")}
    notify = {"addresses": str(told), "command": list(command(folder))}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    slots = str(folder / "slots")
    env = {"TWOPHASE_SLOT_DIR": slots, "TWOPHASE_AGENT_IDLE_S": "5", "PYTHONPATH": path}
    jobs = [{"x": x, "prefix": "a"} for x in (1, 2, 3)]
    return Run(folder, [server], jobs, script, {"notify": notify}, env)


def files_that_hold(text: str, folder: Path) -> list[str]:
    found = []
    for root, _, names in os.walk(folder):
        for path in (Path(root) / name for name in names):
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path.name)
    return found


def test_a_run_tells_its_first_failure_and_its_end_and_no_address(service: Service, tmp_path: Path) -> None:
    run = lab(tmp_path, addresses(tmp_path, service.server_port))
    done = run.finish("--retries", "0", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    events = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["failure", "end"]
    assert [got["title"] for got in service.got] == [event["title"] for event in events]
    assert events[0]["job"] == "a/x=2" and "it went wrong: x is 2" in service.got[0]["message"]
    assert events[1]["jobs"] == {"failed": 1, "succeeded": 2} and events[1]["exit_code"] == 1
    assert files_that_hold(PASSWORD, tmp_path) == ["told"], "logs, journal, results, snapshot, agent"
    assert PASSWORD not in done.stdout + done.stderr
    assert "told" not in {path.name for path in (tmp_path / "state").rglob("*")}


def test_a_run_is_none_the_worse_where_nobody_answers(service: Service, tmp_path: Path) -> None:
    told = addresses(tmp_path, service.server_port)
    service.shutdown()
    service.server_close()
    run = lab(tmp_path, told)
    done = run.finish("--retries", "0")
    assert done.returncode == 1
    assert done.stderr.count("address 1 (json) did not take it") >= 1
    assert "notify: 2 of 2 messages did not reach everybody: address 1 (json)" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr and files_that_hold(PASSWORD, tmp_path) == ["told"]


def test_a_run_does_not_begin_where_others_may_read_the_addresses(tmp_path: Path) -> None:
    path = addresses(tmp_path, 9)
    path.chmod(0o644)
    done = lab(tmp_path, path).finish()
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    assert f"others may read it (mode 0644): `chmod 600 {path}`" in done.stderr


def test_an_address_as_a_word_is_refused_and_not_repeated(tmp_path: Path) -> None:
    done = lab(tmp_path, addresses(tmp_path, 9)).finish("--notify", f"json://me:{PASSWORD}@host")
    assert done.returncode == 2 and PASSWORD not in done.stderr
    assert "argument --notify: an address may hold a password" in done.stderr


def test_the_plan_tells_who_would_be_told_and_sends_nothing(service: Service, tmp_path: Path) -> None:
    done = lab(tmp_path, addresses(tmp_path, service.server_port)).finish("--dry-run")
    assert done.returncode == 0
    assert "notify: 1 address (json) and the command" in done.stderr and not service.got
