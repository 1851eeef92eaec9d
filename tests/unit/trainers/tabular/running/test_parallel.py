"""Models over devices: the longest first, one after the other where one device is all there is."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trainers.tabular.running.parallel import shared_out, train_all

SEED = ("transformer", "tabular_transformer", "mlp")


def gpus(count: int) -> list[torch.device]:
    return [torch.device("cuda", number) for number in range(count)]


def test_two_transformers_train_at_once_and_the_mlp_after_one_of_them() -> None:
    assert shared_out(SEED, gpus(2)) == [
        (gpus(2)[0], ["transformer", "mlp"]),
        (gpus(2)[1], ["tabular_transformer"]),
    ]


def test_a_third_gpu_takes_the_mlp_and_a_fourth_nothing() -> None:
    assert [share for _, share in shared_out(SEED, gpus(4))] == [[name] for name in SEED]


def test_one_device_takes_all_in_this_process() -> None:
    done: list[tuple[list[str], torch.device]] = []

    def work(names: Sequence[str], device: torch.device) -> None:
        done.append(([*names], device))

    after: list[int] = []
    cpu = torch.device("cpu")
    train_all(SEED, [cpu], work, work, lambda: after.append(len(done)))
    assert done == [([*SEED], cpu)] and after == [1]
    train_all((), [cpu], work, work, lambda: after.append(len(done)))
    assert after == [1, 1]
