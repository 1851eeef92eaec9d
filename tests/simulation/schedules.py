"""Schedules: a number stands for a scene and all that happens in it."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random
from typing import Any

from master.core.running.policy import Policy
from tests.simulation.pruning import prune_of
from tests.simulation.scene import Chaos, Scene
from tests.simulation.world import World


def scene_of(seed: int) -> Scene:
    """Return the scene of a schedule: small, and with some kinds of faults, each often or seldom."""
    random = Random(f"scene {seed}")
    return Scene(
        workers=random.randint(1, 4),
        slots=random.randint(1, 3),
        jobs=random.randint(1, 12),
        bases=random.randint(0, 3),
        generations=Random(f"generations {seed}").choice([1, 2, 3]),
        fuse=Random(f"groups {seed}").choice([1, 1, 2, 4, 64]),
        disks=Random(f"disks {seed}").choice([0, 0, 1, 1, 2]),
        cloned=Random(f"clones {seed}").random() < 0.3,
        **(_seats(seed) if seed >= WITH_SEATS else {}),
        prune=prune_of(seed) if seed >= WITH_PRUNING else None,
        **(_peers(seed) if seed >= WITH_PEERS else {}),
        job_s=random.choice([1.0, 20.0, 60.0, 200.0]),
        chaos=_chaos(random, seed),
        policy=_policy(random),
        same_bytes=random.random() < 0.3,
        stop_at=random.uniform(0, 200) if random.random() < 0.1 else None,
        cancel_at=random.uniform(0, 200) if random.random() < 0.1 else None,
    )


WITH_SEATS = 1000
"""From this schedule on some of the workers may be seats of a pool …"""
WITH_PRUNING = 1030
"""… and jobs may be ended that do worse than others …"""
WITH_PEERS = 1110
"""… and workers may take base models from each other."""


def _peers(seed: int) -> dict[str, Any]:
    random = Random(f"peers {seed}")
    return {"peers": random.random() < 0.6, "one_is_no_peer": random.random() < 0.2}


def _seats(seed: int) -> dict[str, Any]:
    random = Random(f"seats {seed}")
    return {
        "seats": random.choice([0, 0, 1, 4]),
        "queued_s": random.choice([5.0, 60.0]),
        "lent_s": random.choice([300.0, 1500.0]),
        "preempted_every_s": random.choice([inf, 100.0]),
        "unheard": Random(f"unheard {seed}").choice([0.0, 0.0, 0.3]),
    }


def _chaos(random: Random, seed: int) -> Chaos:
    def every(often_s: float) -> float:
        return random.choice([inf, inf, often_s, often_s * 6])

    return Chaos(
        cut_every_s=every(30),
        silent_every_s=every(100),
        killed_every_s=every(60),
        power_every_s=every(150),
        spool_every_s=every(300),
        full_every_s=every(60),
        wiped_every_s=every(100),
        rot_every_s=every(40),
        rotten_results_every_s=every(60),
        rotten_store_every_s=every(100),
        master_dies_every_s=every(50),
        rolled_back_every_s=every(150),
        kept=random.choice([0.0, 0.7, 1.0]),
        buried=random.choice([0.0, 0.1]),
        fails=random.choice([0.0, 0.1, 0.5]),
        asks_again=random.choice([0.0, 0.05]),
        hopeless=random.choice([0.0, 0.5]),
        repeated=random.choice([0.0, 0.3]),
        damaged_on_the_way=random.choice([0.0, 0.3]),
        **_of_peers(seed),
        ordered_every_s=Random(f"orders {seed}").choice([inf, 20.0, 100.0]),
    )


def _of_peers(seed: int) -> dict[str, float]:
    random = Random(f"bad peers {seed}")
    return {
        "peer_refuses": random.choice([0.0, 0.2]),
        "peer_lies": random.choice([0.0, 0.2, 0.6]),
        "peer_stalls": random.choice([0.0, 0.2, 0.6]),
    }


def _policy(random: Random) -> Policy:
    return Policy(
        retries=random.randint(0, 2),
        strict_phases=random.random() < 0.2,
        lease_s=random.choice([30.0, 60.0]),
        give_up_s=3000.0,
        max_failures=random.choice([0, 0, 0, 3]),
    )


def with_peers(seed: int) -> World:
    """Return the run of a schedule in which at least three workers with disks of their own are peers."""
    scene = scene_of(seed)
    more = {"workers": max(3, scene.workers), "bases": max(2, scene.bases), "jobs": max(8, scene.jobs)}
    return World(replace(scene, peers=True, slots=1, disks=0 if seed % 2 else scene.disks, **more), seed)


def world_of(seed: int) -> World:
    """Return the run of a schedule, not begun."""
    return World(scene_of(seed), seed)
