"""What is to be done in a simulated run, by whom, and what happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from master.core.running.policy import Policy
from master.specs import PruneSpec


@dataclass(frozen=True)
class Chaos:
    """What goes wrong.  `…_every_s`: mean seconds between two, on each worker; the others are chances."""

    cut_every_s: float = inf
    """Links break, and come back."""
    silent_every_s: float = inf
    """Links stay away, at times for longer than a lease."""
    killed_every_s: float = inf
    """Agents are killed: their jobs go on, where a keeper looks after them."""
    power_every_s: float = inf
    """Machines go down with all that runs, and forget what was not durable."""
    spool_every_s: float = inf
    """The same, and the spool is lost."""
    full_every_s: float = inf
    """Disks are full for a while."""
    wiped_every_s: float = inf
    """Work directories are gone: cache, results, what is being delivered."""
    rot_every_s: float = inf
    """Bits rot in caches …"""
    rotten_results_every_s: float = inf
    """… and in outcomes that are not home."""
    rotten_store_every_s: float = inf
    """Bits rot in a base model at home: of all workers together, as what follows."""
    master_dies_every_s: float = inf
    rolled_back_every_s: float = inf
    """The master dies, and finds an older copy of its journal, or none."""
    ordered_every_s: float = inf
    """A user wants something of a worker."""
    kept: float = 0.7
    """Of the agents: a keeper looks after their jobs."""
    buried: float = 0.05
    """Of the machines that go down: they never come back."""
    fails: float = 0.0
    """Of the attempts: the script's own doing."""
    asks_again: float = 0.0
    """Of the attempts: they end with exit code 75."""
    hopeless: float = 0.0
    """Of the failures: the same worker would fail again in the same way."""
    leaves_checkpoint: float = 0.3
    """Of the attempts in vain."""
    repeated: float = 0.0
    """Of the messages: they come twice, for a new connection begins with what the last one may have lost."""
    damaged_on_the_way: float = 0.0
    """Of the deliveries."""
    peer_refuses: float = 0.0
    """Of what workers are to serve to others."""
    peer_lies: float = 0.0
    """Of what they send: it is not what it should be …"""
    peer_stalls: float = 0.0
    """… or nothing comes, for ever."""
    until: float = 600.0
    """Seconds after which nothing more goes wrong, and what went wrong is mended."""


@dataclass(frozen=True)
class Scene:
    """A run: all of it follows from this and a seed."""

    workers: int = 3
    slots: int = 2
    jobs: int = 8
    bases: int = 2
    generations: int = 1
    """So many of the base models follow each other: each starts from the one before."""
    fuse: int = 1
    """So many jobs at most train at once."""
    disks: int = 0
    """On so many the caches of the workers lie; 0: nobody knows, and each is sent what it needs."""
    cloned: bool = False
    """The last worker's disk is a copy of the first one's, and tells the same id."""
    peers: bool = False
    """Workers take base models from each other …"""
    one_is_no_peer: bool = False
    """… but for the first one, which others cannot reach."""
    seats: int = 0
    """So many of the workers, the last ones, are seats of a pool."""
    queued_s: float = 20.0
    """How long an allocation waits in the queue, on average …"""
    lent_s: float = 600.0
    """… and how long it lasts at most."""
    preempted_every_s: float = inf
    """An allocation ends before its time: of all seats together."""
    unheard: float = 0.0
    """Of the submissions: nobody hears that they come through, sooner or later."""
    job_s: float = 40.0
    """The most that a job takes."""
    chaos: Chaos = Chaos()
    policy: Policy = field(default_factory=lambda: Policy(lease_s=60.0, give_up_s=3000.0))
    prune: PruneSpec | None = None
    """How jobs are ended that do worse than others; None: never."""
    same_bytes: bool = False
    """All attempts at a job make the same."""
    stop_at: float | None = None
    cancel_at: float | None = None
