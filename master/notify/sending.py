"""Brings messages to people: each by processes of its own, whose time is bounded and which hold no run up."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master.adapters.process_groups import signal_group
from master.errors import ConfigError
from master.specs import TOLD_OF_END, TOLD_OF_FAILURE, TOLD_OF_WORKER, ClusterSpec, NotifySpec
from master.view.wording import plural

if TYPE_CHECKING:
    from master.notify.messages import Message

SECONDS = 15.0
"""So long may addresses, and the command, take for a message."""
EXTRA = "pip install 'twophase[notify]'"
_EVENTS = {TOLD_OF_END: "the end", TOLD_OF_FAILURE: "the first failure", TOLD_OF_WORKER: "lost workers"}
_OURS = Path(__file__).resolve().parents[2]
_BY_APPRISE = (sys.executable, "-m", "master.notify.by_apprise")


@dataclass(frozen=True)
class Known:
    """What is known of those who are told; no address."""

    schemes: tuple[str, ...] = ()
    """The services of the addresses, such as `ntfys`."""
    problems: tuple[str, ...] = ()


def check_can_be_sent(cluster: ClusterSpec, source: str) -> None:
    """Refuse what could not be sent at all: apprise or the command is not here.  Raises ConfigError."""
    spec = cluster.notify
    if spec and spec.addresses and importlib.util.find_spec("apprise") is None:
        raise ConfigError(spec.addresses, "", f"addresses need the package apprise: {EXTRA}")
    if spec and spec.command and shutil.which(spec.command[0]) is None:
        problem = f"there is no program {spec.command[0]} here that can be started"
        raise ConfigError(source, "notify.command", problem)


def look(spec: NotifySpec) -> Known:
    """Tell to whom messages would go, sending nothing; takes a second where apprise is asked."""
    return _known(_by_apprise(spec, {}, SECONDS)) if spec.addresses else Known()


def who(spec: NotifySpec, known: Known) -> str:
    """Say who is told, and of what, without any address."""
    addresses = f"{plural(len(known.schemes), 'address', 'addresses')} ({', '.join(known.schemes)})"
    command = f"the command {Path(spec.command[0]).name}" if spec.command else ""
    told = " and ".join(filter(None, (addresses if known.schemes else "", command)))
    return f"{told or 'nobody'}, of {', '.join(_EVENTS[event] for event in spec.on) or 'nothing'}"


def deliver(spec: NotifySpec, message: Message, place: str, seconds: float = SECONDS) -> list[str]:
    """Give a message to all who are to be told, and return what went wrong, without any address."""
    return [*_to_addresses(spec, message, seconds), *_to_command(spec, message, place, seconds)]


def _to_addresses(spec: NotifySpec, message: Message, seconds: float) -> Iterator[str]:
    if not spec.addresses:
        return
    lines = _by_apprise(spec, {"title": message.title, "text": message.text}, seconds)
    known = _known(lines)
    took: dict[int, bool] = {item[0]: item[1] for item in lines if isinstance(item, list)}
    yield from known.problems
    for number, scheme in enumerate(known.schemes, 1):
        if not took.get(number):
            how = "did not take it" if number in took else f"gave no answer in {seconds:g} s"
            yield f"address {number} ({scheme}) {how}"


def _known(lines: Sequence[Any]) -> Known:
    head = next((line for line in lines if isinstance(line, dict)), None)
    if head is None:
        return Known((), ("apprise did not read the file of addresses: is it installed whole?",))
    problems = [_not_understood(line) for line in head["bad_lines"]]
    if not head["schemes"]:
        problems.append("the file holds no address that apprise knows")
    return Known(tuple(head["schemes"]), tuple(dict.fromkeys(problems)))


def _not_understood(line: int | None) -> str:
    return f"apprise does not understand {f'line {line}' if line else 'a part'} of the file of addresses"


def _by_apprise(spec: NotifySpec, request: Mapping[str, str], seconds: float) -> list[Any]:
    """Return what the process says that sends by apprise."""
    asked = json.dumps({"file": spec.addresses, "seconds": seconds, **request})
    _, said = _run(_BY_APPRISE, asked, seconds, cwd=_OURS, stdout=subprocess.PIPE)
    whole_lines = said.decode().splitlines(keepends=True)
    return [json.loads(line) for line in whole_lines if line.endswith("\n")]


def _to_command(spec: NotifySpec, message: Message, place: str, seconds: float) -> Iterator[str]:
    if not spec.command:
        return
    words = {"event": message.event, "title": message.title, "text": message.text}
    told = {**words, "run": place, **message.more}
    try:
        code, _ = _run(spec.command, json.dumps(told), seconds)
    except OSError as error:
        yield f"the command cannot be started: {error.strerror}"
        return
    if code is None:
        yield f"the command took longer than {seconds:g} s and was ended"
    elif code:
        yield f"the command ended with exit code {code}"


def _run(
    argv: Sequence[str], said: str, seconds: float, cwd: Path | None = None, stdout: int = subprocess.DEVNULL
) -> tuple[int | None, bytes]:
    """Return exit code, None where it was ended for its time, and output of a process.

    What it says on standard error may hold an address, and goes nowhere.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(said.encode(), timeout=seconds)
        return process.returncode, output or b""
    except subprocess.TimeoutExpired as late:
        signal_group(process, signal.SIGKILL)
        process.wait()
        return None, late.output or b""
    finally:
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
