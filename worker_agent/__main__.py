"""The agent's command line: `connect`, which the master runs over SSH, and `serve`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

from worker_agent import __version__

if TYPE_CHECKING:
    from worker_agent.protocol.layout import StateLayout

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

_PLACE = "in an allocation: whose it is; stands for this host's name in paths, wherever the next one is"
_GPUS = "tell what is seen of the GPUs, and what an agent would do with them"
_LIMITS = "tell how limits of jobs would be kept on this machine, as JSON"
_USAGE = "tell as JSON how much of this machine is in use, and who uses its GPUs"
_HASH_DIGITS = 64
_CACHE = "tell as JSON what lies in the cache, hash it, or remove what nobody uses"
_ENVIRONMENT = "run the `setup` of the settings on standard input (JSON), and tell what jobs would not find"


def _place(text: str) -> str:
    if not _RUN_ID.match(text):
        raise argparse.ArgumentTypeError(f"{text!r}: allowed are 1 to 100 letters, digits, '.', '_' and '-'")
    return text


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
        command.add_argument("--place", metavar="SEAT", type=_place, help=_PLACE)
        if name == "serve":
            add = command.add_argument
            add("--lasts-s", type=float, metavar="S", help="with --place: how long the allocation lasts")
            add(
                "--notice-s",
                type=float,
                metavar="S",
                default=120.0,
                help="leave so long before its end (120)",
            )
        if name == "connect":
            command.add_argument("--no-start", action="store_true", help="start no agent where none serves")
            command.add_argument(
                "--wait", type=float, default=20.0, metavar="S", help="with --no-start: how long for one (20)"
            )
            command.add_argument(
                "--in-terminal", action="store_true", help="start the agent in this terminal, for inline jobs"
            )
    _add_gpu_options(commands.add_parser("gpus", help=_GPUS, description=_GPUS))
    commands.add_parser("limits", help=_LIMITS, description=_LIMITS)
    usage = commands.add_parser("usage", help=_USAGE, description=_USAGE)
    _add_gpu_options(usage)
    add = usage.add_argument
    add("--folder", dest="folders", action="append", default=[], metavar="DIR", help="tell of its disk")
    add("--every", type=float, metavar="S", help="again and again, until standard input ends")
    _add_cache_options(commands.add_parser("cache", help=_CACHE, description=_CACHE))
    commands.add_parser("environment", help=_ENVIRONMENT, description=_ENVIRONMENT)
    return parser


def _add_cache_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    told = "clear-dry: what clear would remove; place: where an artefact is to be put; take: check it there"
    add("what", choices=("ls", "verify", "clear", "clear-dry", "place", "take"), help=told)
    add("--artefact", type=_content_hash, metavar="HASH", help="that is placed or taken")
    add("--state-dir", required=True, metavar="DIR", help="small files of all runs")
    add("--work-dir", metavar="DIR", help="big files, where they are not below --state-dir")


def _content_hash(text: str) -> str:
    if len(text) != _HASH_DIGITS or text.strip("0123456789abcdef"):
        raise argparse.ArgumentTypeError("no content hash: 64 hex digits")
    return text


def _add_gpu_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--json", action="store_true", help="as one JSON object")
    add("--gpus", default="auto", metavar="G", help="auto, a number, or ids, each with a comma (auto)")
    add("--slots-per-gpu", type=int, metavar="N", help="jobs at a time on a GPU (shared by memory)")
    add("--gpu-reserve", type=int, metavar="BYTES", help="not given out (1,000,000,000)")
    add("--cpu-slots", type=int, metavar="N", help="jobs at a time where there is no GPU")


def main(argv: Optional[List[str]] = None) -> int:
    """Run a command; return the exit code: 0, 1 for an error told on standard error, 2 for a wrong call."""
    args = _parser().parse_args(argv)
    # What each command needs is imported for it alone: a master that comes again waits for a bridge, not for
    # an agent.
    if args.command == "gpus":
        from worker_agent.runtime.reports.gpu_report import run as tell_gpus

        return tell_gpus(args)
    if args.command == "limits":
        from worker_agent.limits.choice import tell

        return tell()
    if args.command == "usage":
        from worker_agent.runtime.reports.usage_report import run as tell_usage

        return tell_usage(args)
    if args.command == "cache":
        from worker_agent.runtime.reports.cache_report import run as tell_cache

        return tell_cache(args)
    if args.command == "environment":
        from worker_agent.runtime.reports.environment_report import run as tell_environment

        return tell_environment(args)
    return _serve_or_connect(args)


def _serve_or_connect(args: argparse.Namespace) -> int:
    from worker_agent.protocol.layout import StateLayout
    from worker_agent.system.this_machine import expand, hostname

    place = args.place or hostname()
    layout = StateLayout(Path.cwd() / expand(args.state_dir), place, args.run_id, bool(args.place))
    try:
        if args.command == "serve":
            return _serve(layout, args)
        from worker_agent.runtime.bridge import await_agent, bridge, reach

        bridge(
            await_agent(layout, args.wait) if args.no_start else reach(layout, args.digest, args.in_terminal)
        )
    except OSError as error:
        print(f"worker_agent: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(layout: StateLayout, args: argparse.Namespace) -> int:
    from worker_agent.runtime.daemon import AgentHeldError, serve, serve_allocation
    from worker_agent.runtime.eviction import Term

    def ready() -> None:
        print(f"serving at {layout.socket}", file=sys.stderr, flush=True)

    try:
        if layout.in_allocation:
            serve_allocation(layout, args.digest, Term(args.lasts_s, args.notice_s), ready)
        else:
            serve(layout, args.digest, ready)
    except AgentHeldError:
        held = f"an agent of run {layout.run_id} runs already, see {layout.lock}"
        print(f"worker_agent: {held}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
