"""A base model goes to many workers in hardly more time than to one, whatever one of them does."""

from __future__ import annotations

import pytest

from tests.unit.master.core.running.spread.spreading_world import Scene, SpreadingWorld

MOST, MOST_BESIDE_A_SLOW_ONE = 1.10, 1.3
SIZE = 4 << 30
"""Each of a chain of 64 is a chunk of 4 MiB behind the one before."""


def ratio(scene: Scene, seed: int) -> float:
    """Return how many times the ideal the last of the workers needed with which nothing is wrong."""
    world = SpreadingWorld(scene, seed)
    done = world.run()
    assert len(done) == scene.workers - scene.dies
    return max(done[name] for name in done if name != world.odd) / scene.ideal_s


@pytest.mark.parametrize(
    ("workers", "seeds"), [(8, 10), (16, 10), (64, 1), pytest.param(64, 10, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("wrong", "most"),
    [
        ({}, MOST),
        ({"slow": 0.25}, MOST_BESIDE_A_SLOW_ONE),
        ({"dies": True}, MOST),
        ({"lies": True}, MOST),
        ({"slow": 0.3, "dies": True}, MOST_BESIDE_A_SLOW_ONE),
        ({"slow": 0.3, "lies": True}, MOST_BESIDE_A_SLOW_ONE),
    ],
    ids=lambda item: "-".join(item) or "all-well" if isinstance(item, dict) else f"{item}",
)
def test_the_last_one_has_it_in_hardly_more_than_one_transfer(
    workers: int, seeds: int, wrong: dict[str, float], most: float
) -> None:
    scene = Scene(workers, SIZE, **wrong)  # type: ignore[arg-type]
    assert max(ratio(scene, seed) for seed in range(seeds)) <= most


def test_without_peers_the_link_of_the_head_node_is_shared_by_all() -> None:
    assert ratio(Scene(8, SIZE, peers=False), 0) == pytest.approx(8, rel=0.01)


def test_where_nobody_has_it_it_is_sent_once() -> None:
    world = SpreadingWorld(Scene(16, SIZE, holders=0), 0)
    done = world.run()
    assert world.sent == 1 and max(done.values()) / world.scene.ideal_s < 2.1


@pytest.mark.parametrize("wrong", ["lies", "dies"])
def test_where_the_only_one_that_has_it_is_of_no_use_it_is_sent_once(wrong: str) -> None:
    world = SpreadingWorld(Scene(8, SIZE), 0)
    if wrong == "lies":
        world.nodes["w0"].lies = True
    else:
        world.die(world.nodes["w0"])
    done = world.run()
    assert world.sent == 1 and max(done.values()) / world.scene.ideal_s < 1.2
    assert sum("w0: does not pass a base model on" in line for line in world.told) == 1


def test_a_slow_worker_keeps_to_the_end_the_next_time() -> None:
    world = SpreadingWorld(Scene(8, SIZE, slow=0.25), 0)
    world.run()
    assert world.odd in world.state.peers.slow
