"""The agent's command line: `connect`, which the master runs over SSH, and `serve`."""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import List, Optional

from worker_agent import __version__
from worker_agent.attempts.working_directory import expand
from worker_agent.executors.terminal import stay_in_background
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.runtime import environment_report, gpu_report
from worker_agent.runtime.connection.link import READ_BYTES
from worker_agent.runtime.daemon import AgentHeldError, serve, start_detached, start_in_terminal
from worker_agent.runtime.host_context import hostname
from worker_agent.system.sockets import connect

_START_S = 20.0
_RUN_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")

_DESCRIPTION = """\
The part of Twophase that runs on a worker: it starts the jobs that a master on the head node sends, and keeps
their results until the master has them.  One agent serves one run on one machine; it goes on when the
connection ends."""

_EPILOG = """\
files, below DIR/<this host>/runs/ID/:
  agent.log    what the agent has to say      spool.jsonl   launches and events, until acknowledged
  agent.lock   held by the running agent, which writes its process number there

environment:
  TWOPHASE_AGENT_IDLE_S   the agent ends after this long without a master and without jobs (1800), or after a
                          minute where it holds no attempt
  TWOPHASE_GPU_QUERY_S    how long nvidia-smi may take to answer (15)
  TWOPHASE_SETUP_S        how long the shell lines of `setup` may take together (300)
  TWOPHASE_SLOT_DIR       where the slots' locks are, for all users of the machine (/tmp/twophase-slots)

example, what the master runs over SSH:
  python3 agent-0123abcd.pyz connect --state-dir ~/.twophase --run-id r1 --digest 0123abcd
what an agent would make of this machine's GPUs:
  python3 -m worker_agent gpus
to end an agent and its jobs by hand:
  kill "$(cat ~/.twophase/$(hostname)/runs/r1/agent.lock)"
"""

_REPORTS = {"gpus": gpu_report.run, "environment": environment_report.run}


def _run_id(text: str) -> str:
    if not _RUN_ID.match(text):
        raise argparse.ArgumentTypeError(f"{text!r}: allowed are 1 to 100 letters, digits, '.', '_' and '-'")
    return text


def _parser() -> argparse.ArgumentParser:
    kind = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="worker_agent", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=kind
    )
    parser.add_argument("--version", action="version", version=f"worker_agent {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    helps = {
        "connect": "bridge standard input and output to the run's agent, started where none serves",
        "serve": "be the agent, in the foreground, logging to standard error",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--state-dir", required=True, metavar="DIR", help="small files of all runs")
        command.add_argument("--run-id", required=True, metavar="ID", type=_run_id)
        command.add_argument("--digest", required=True, metavar="D", help="what this agent is called")
        if name == "connect":
            command.add_argument(
                "--in-terminal", action="store_true", help="start the agent in this terminal, for inline jobs"
            )
    gpu_report.add_command(commands)
    environment_report.add_command(commands)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run a command; return the exit code: 0, 1 for an error told on standard error, 2 for a wrong call."""
    args = _parser().parse_args(argv)
    if args.command in _REPORTS:
        return _REPORTS[args.command](args)
    state_dir = Path.cwd() / expand(args.state_dir)
    layout = StateLayout(state_dir, hostname(), args.run_id)
    try:
        if args.command == "serve":
            serve(layout, args.digest, lambda: print(f"serving at {layout.socket}", file=sys.stderr))
        else:
            _bridge(_reach(layout, args.digest, args.in_terminal))
    except AgentHeldError:
        print(f"worker_agent: an agent of run {args.run_id} runs already, see {layout.lock}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"worker_agent: {error}", file=sys.stderr)
        return 1
    return 0


def _reach(layout: StateLayout, digest: str, in_terminal: bool) -> socket.socket:
    """Return a connection to the run's agent, started where none serves.  Raises OSError."""
    if in_terminal:
        stay_in_background()
    start = start_in_terminal if in_terminal else start_detached
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        connection = connect(layout.socket)
        if connection:
            return connection
        problem = start(layout, digest)
        if problem:
            raise OSError(problem)
        connection = connect(layout.socket)
        if connection:
            return connection
        time.sleep(0.05)
    raise OSError(f"the agent does not answer at {layout.socket}, but one holds {layout.lock}")


def _bridge(connection: socket.socket) -> None:
    """Copy both ways until standard input or the agent ends."""
    _write_all(PREAMBLE)
    threading.Thread(target=_copy_input, args=(connection,), daemon=True).start()
    try:
        while True:
            data = connection.recv(READ_BYTES)
            if not data:
                return
            _write_all(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def _copy_input(connection: socket.socket) -> None:
    try:
        while True:
            data = os.read(0, READ_BYTES)
            if not data:
                break
            connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    sys.exit(main())
