"""Lets other workers take artefacts from this one, and takes them from others, where the master says so."""

from __future__ import annotations

from typing import Callable, Optional

from worker_agent.core import commands as cmd
from worker_agent.core import staging, taking
from worker_agent.core.state import AgentState
from worker_agent.peers.base import Network, PeerError, Taken, Tell
from worker_agent.protocol.artefacts.peering import Peering, Received, Serve, ServeFailed, Serving
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.effects.artefacts import ArtefactEffects
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock, Master, Workers

_NOT_MET = "the master has not said who is who (`peers` of the cluster config), or that cannot be read here"


def open_network(tell: Tell) -> Network:
    """Return the network of this worker: only now is TLS loaded."""
    from worker_agent.peers.network import PeerNetwork

    return PeerNetwork(tell)


class PeerEffects:
    """Transfers between this worker and others."""

    def __init__(
        self,
        state: AgentState,
        host: CurrentHost,
        artefacts: ArtefactEffects,
        workers: Workers,
        master: Master,
        now: Clock,
    ) -> None:
        self._state, self._host, self._artefacts = state, host, artefacts
        self._workers, self._master, self._now = workers, master, now
        self._network: Optional[Network] = None
        self.open_network: Callable[[Tell], Network] = open_network

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {
            cmd.TakeFrom: self.take,
            cmd.LetGo: self.let_go,
            Taken: self.on_taken,
            Received: self.on_received,
        }

    def meet(self, message: Peering) -> None:
        """Be who the master says that this worker is."""
        try:
            self._network = self._network or self.open_network(self._workers.tell)
            self._network.meet(message)
        except (PeerError, ImportError) as error:
            complain(f"other workers cannot be met: {error}")

    def serve(self, message: Serve) -> None:
        """Let others take an artefact, and say where."""
        name, transfer, context = message.content_hash, message.transfer, self._host.context
        try:
            places = [context.layout.cached(name), context.layout.incoming(context.run_id, name)]
            port, addresses = self._known().serve(message, places)
        except PeerError as error:
            self._master.say(ServeFailed(name, transfer, str(error)))
            return
        self._artefacts.keep([name])
        self._master.say(Serving(name, transfer, port, addresses))

    def take(self, item: cmd.TakeFrom) -> None:
        """Have an artefact from another worker, unless it is here."""
        name, context = item.take.content_hash, self._host.context
        if self._artefacts.status(name) == "present":
            staging.on_found(self._state, name, self._now())
            return
        try:
            self._known().take(item.take, context.layout.incoming(context.run_id, name))
        except PeerError as error:
            taking.on_taken(self._state, name, item.take.transfer, str(error))

    def let_go(self, item: cmd.LetGo) -> None:
        """Take an artefact no more."""
        if self._network:
            self._network.leave(item.content_hash)

    def on_taken(self, answer: Taken) -> None:
        """Tell the core what has come of a transfer."""
        taking.on_taken(self._state, answer.content_hash, answer.transfer, answer.problem or "")

    def on_received(self, report: Received) -> None:
        """Tell the master how far a transfer has come; let go of one whose end it knows."""
        expected = self._state.transfers.get(report.content_hash)
        if expected is None:
            self.let_go(cmd.LetGo(report.content_hash))
        elif expected.number == report.transfer:
            self._master.say(report)

    def close(self) -> None:
        """End all transfers."""
        if self._network:
            self._network.close()

    def _known(self) -> Network:
        if self._network is None:
            raise PeerError(_NOT_MET)
        return self._network
