"""What happens between head node and worker."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.faults.kinds import kind
from tests.chaos.place import Scene


@kind()
def unplug(scene: Scene) -> Iterator[float]:
    """The network goes: connections break, new ones are refused."""
    scene.station.worker.disconnect()
    try:
        yield scene.seconds(1, 30)
    finally:
        scene.station.worker.reconnect()


@kind()
def mute(scene: Scene) -> Iterator[float]:
    """Every packet is lost, and nothing breaks."""
    scene.station.worker.mute()
    try:
        yield scene.seconds(1, 30)
    finally:
        scene.station.worker.unmute()


@kind()
def half_open_towards_head(scene: Scene) -> Iterator[float]:
    """What the worker says is lost; what it is told arrives."""
    with scene.station.filtered("OUTPUT", "-p", "tcp", "--sport", "22", "-j", "DROP"):
        yield scene.seconds(3, 30)


@kind()
def half_open_towards_worker(scene: Scene) -> Iterator[float]:
    """What the worker is told is lost; what it says arrives."""
    with scene.station.filtered("INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"):
        yield scene.seconds(3, 30)


@kind()
def reset_links(scene: Scene) -> Iterator[float]:
    """Every connection is reset as soon as something is said, new ones too."""
    rule = ("INPUT", "-p", "tcp", "--dport", "22", "-j", "REJECT", "--reject-with", "tcp-reset")
    with scene.station.filtered(*rule):
        yield scene.seconds(1, 8)


@kind()
def lose_packets(scene: Scene) -> Iterator[float]:
    """One packet in five is lost, in both directions."""
    some = ("-m", "statistic", "--mode", "random", "--probability", "0.2", "-j", "DROP")
    with (
        scene.station.filtered("INPUT", "-p", "tcp", *some),
        scene.station.filtered("OUTPUT", "-p", "tcp", *some),
    ):
        yield scene.seconds(5, 20)


@kind()
def slow_link(scene: Scene) -> Iterator[float]:
    """The worker sends 300 kbit/s and no more."""
    shaped = ("root", "tbf", "rate", "300kbit", "burst", "16kbit", "latency", "500ms")
    name = scene.station.worker.interface
    scene.station.in_network("tc", "qdisc", "add", "dev", name, *shaped)
    try:
        yield scene.seconds(5, 25)
    finally:
        scene.station.in_network("tc", "qdisc", "del", "dev", name, "root")
