"""Models over devices: the longest first, one after the other where one device is all there is."""

from __future__ import annotations

import torch

from trainers.tabular.running.parallel import shared_out

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


def test_one_device_takes_all_the_longest_first() -> None:
    cpu = torch.device("cpu")
    assert shared_out(reversed(SEED), [cpu]) == [(cpu, [SEED[1], SEED[0], SEED[2]])]
    assert shared_out((), [cpu]) == []
