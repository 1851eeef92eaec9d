"""What comes in from masters, and what it means."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Set, Type

from worker_agent.core import staging, taking, transitions
from worker_agent.core.state import AgentState
from worker_agent.devices.gpus import GpuError
from worker_agent.protocol.artefacts.fetching import Fetch
from worker_agent.protocol.artefacts.peering import Peering, Serve, Take
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.logs.watching import Unwatch, Watch, WatchOn
from worker_agent.protocol.messages import (
    Ack,
    Cancel,
    Delivered,
    DropCheckpoints,
    Hello,
    Launch,
    LaunchAll,
    Message,
    Ping,
    Pong,
    Release,
    Shutdown,
    Withdraw,
)
from worker_agent.protocol.terms import Secrets
from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.connection.greeting import Reception
from worker_agent.runtime.connection.link import Link
from worker_agent.runtime.effects.checkpoints import CheckpointEffects
from worker_agent.runtime.effects.environment import EnvironmentEffects
from worker_agent.runtime.effects.log_watches import LogWatches
from worker_agent.runtime.effects.peers import PeerEffects
from worker_agent.runtime.effects.table import Effects
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock
from worker_agent.system.faults import is_worker_fault

MessageHandlers = Mapping[Type[Any], Callable[[Any], None]]


def message_handlers(
    state: AgentState,
    host: CurrentHost,
    checkpoints: CheckpointEffects,
    watches: LogWatches,
    peers: PeerEffects,
    now: Clock,
) -> MessageHandlers:
    """Return what each message of a master does."""

    def take_secrets(message: Secrets) -> None:
        host.context.add_secrets(message.values)
        if host.context.is_complete:
            transitions.on_complete(state)

    return {
        Secrets: take_secrets,
        Launch: lambda item: transitions.on_launch(state, checkpoints.without_older(item), now()),
        LaunchAll: lambda item: transitions.on_launch_all(
            state, [checkpoints.without_older(each) for each in item.launches], now()
        ),
        Cancel: lambda item: transitions.on_cancel(state, item, now()),
        Withdraw: lambda item: transitions.on_withdraw(state, item, now()),
        DropCheckpoints: lambda item: checkpoints.drop(item.job_id),
        Release: lambda item: transitions.on_release(state, item),
        Ack: lambda item: transitions.on_ack(state, item),
        Delivered: lambda item: staging.on_delivered(state, item),
        Fetch: lambda item: staging.on_fetch(state, item),
        Peering: peers.meet,
        Serve: peers.serve,
        Take: lambda item: taking.on_take(state, item, now()),
        Ping: lambda item: transitions.on_ping(state, item),
        Shutdown: lambda item: transitions.on_shutdown(state),
        Watch: watches.begin,
        WatchOn: watches.go_on,
        Unwatch: watches.end,
    }


class Conversation:
    """Greets masters, and does what the one that was greeted last says."""

    def __init__(
        self,
        state: AgentState,
        connections: Connections,
        reception: Reception,
        environments: EnvironmentEffects,
        effects: Effects,
        handlers: MessageHandlers,
    ) -> None:
        self._state, self._connections, self._reception = state, connections, reception
        self._environments, self._effects, self._handlers = environments, effects, handlers
        self._waiting: Set[Link] = set()
        """Those whose hello is answered once the environment of jobs is made and looked at."""

    def receive(self, link: Link) -> None:
        """Take in what has come over a link."""
        for message in self._connections.receive(link):
            self._take(link, message)

    def _take(self, link: Link, message: Message) -> None:
        if isinstance(message, Hello):
            self._greet(link, message)
        elif link in self._waiting and isinstance(message, Ping):
            link.say(Pong(message.number))
        elif link is not self._connections.master:
            self._connections.drop(link, f"the first message is {message.type}, not hello")
        elif type(message) in self._handlers:
            self._handlers[type(message)](message)
            self._effects.execute()
        else:
            self._connections.drop(link, f"{message.type} is a message of the agent")

    def _greet(self, link: Link, hello: Hello) -> None:
        """Answer a hello: at once where the environment of jobs is known, else when it has been made."""
        try:
            settings = self._reception.check(hello)
            if not self._environments.knows(settings):
                self._waiting.add(link)
                self._environments.make(settings, lambda problem: self._go_on(link, hello, problem))
                return
            welcome = self._reception.admit(hello)
        except (MessageError, GpuError, OSError) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._connections.refuse(link, text, passing=is_worker_fault(error))
            return
        self._connections.welcome(link, hello.epoch, welcome, self._state.acked)
        self._environments.look_for_missing(settings)
        self._effects.execute()

    def _go_on(self, link: Link, hello: Hello, problem: str) -> None:
        self._waiting.discard(link)
        if problem and link in self._connections:
            self._connections.refuse(link, problem)
        elif link in self._connections:
            self._greet(link, hello)
