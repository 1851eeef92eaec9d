"""Looks at machines again and again, each over a connection of its own that stays; changes nothing there."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue

from master.adapters.agent_deploy import AgentBundle, build_agent, open_usage
from master.adapters.session import Channel
from master.core.harmless import brief
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session, python_of
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.codec import MessageError, parse
from worker_agent.protocol.lines import LineBuffer
from worker_agent.protocol.looks.machine import MachineNow

AGAIN_S = 5.0
"""Before a machine that could not be looked at is tried again."""
_AT_ONCE = 8
"""Connections that are being made: an sshd refuses bursts."""
_MARK = b'{"machine": '


@dataclass(frozen=True)
class Looked:
    """A machine, or why it could not be looked at."""

    worker: str
    machine: MachineNow | None
    problem: str = ""


class MachineWatch:
    """Looks at all machines of a cluster config from its making until it is closed."""

    def __init__(self, cluster: ClusterSpec, every_s: float, connect: OpenSession = open_session) -> None:
        self.seen: SimpleQueue[Looked] = SimpleQueue()
        """What was seen, as it comes."""
        self._cluster, self._every_s, self._connect = cluster, every_s, connect
        self._closing, self._connecting = threading.Event(), threading.Semaphore(_AT_ONCE)
        self._channels = dict[str, Channel]()
        bundle = build_agent()
        self._threads = [
            threading.Thread(target=self._watch, args=(server, bundle), daemon=True)
            for server in cluster.servers
        ]
        for thread in self._threads:
            thread.start()

    def close(self, wait_s: float = 5.0) -> None:
        """Look no more."""
        self._closing.set()
        for channel in list(self._channels.values()):
            with suppress(TwophaseError, OSError):
                channel.close()
        for thread in self._threads:
            thread.join(wait_s / max(1, len(self._threads)))

    def _watch(self, server: ServerSpec, bundle: AgentBundle) -> None:
        while not self._closing.is_set():
            try:
                self._look(server, bundle)
                problem = "what looked at it there has ended"
            except (TwophaseError, OSError, ValueError) as error:
                problem = str(error)
            if not self._closing.is_set():
                words = brief(problem.removeprefix(f"{server.name}: "))
                self.seen.put(Looked(server.name, None, words))
            self._closing.wait(AGAIN_S)

    def _look(self, server: ServerSpec, bundle: AgentBundle) -> None:
        with self._connect(server, self._cluster, False) as session:
            with self._connecting:
                channel = open_usage(session, bundle, python_of(server), server, self._every_s)
            self._channels[server.name] = channel
            try:
                if not self._closing.is_set():
                    self._read(server.name, channel)
            finally:
                del self._channels[server.name]
                channel.close()

    def _read(self, worker: str, channel: Channel) -> None:
        lines = LineBuffer()
        while data := channel.receive():
            for line in lines.feed(data):
                if line.startswith(_MARK):
                    self.seen.put(_looked(worker, line))
        if not self._closing.is_set() and (words := channel.last_words()):
            raise ValueError(words)


def _looked(worker: str, line: bytes) -> Looked:
    try:
        return Looked(worker, parse(MachineNow, json.loads(line)["machine"]))
    except (MessageError, ValueError, RecursionError) as error:
        return Looked(worker, None, f"what it tells of itself cannot be: {brief(str(error), 200)}")
