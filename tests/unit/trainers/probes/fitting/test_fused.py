"""Jobs beside each other and alone, and how training shares a CPU with the thread that prepares batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.recorded_steps import Recorder
from tests.unit.trainers.probes.data import gaussian_classes, layer_of
from tests.unit.trainers.probes.fitting.device.fakes import recorded_by
from trainers.probes.fitting.columns import Trainee
from trainers.probes.fitting.fused import FusedTraining, Progress, SharedTraining, batches_of, product_threads
from trainers.probes.reading.layer import Trained
from trainers.probes.settings import Settings


@pytest.mark.parametrize(
    ("settings", "probes", "cores", "threads"),
    [
        (Settings(), 45, 2, 1),
        (Settings(), 45, 16, 15),
        (Settings(), 45, 1, 1),
        (Settings(lrs=(1e-4, 5e-4, 1e-3)), 45, 2, 2),
        (Settings(model_type="multihead"), 3, 2, 2),
    ],
)
def test_a_core_is_left_to_the_batches_where_products_are_short(
    settings: Settings, probes: int, cores: int, threads: int
) -> None:
    assert product_threads(settings, probes, cores) == threads


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other's turns make small products take seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ended(training: SharedTraining) -> dict[int, list[tuple[int, Progress]]]:
    """Return what each job was told, epoch by epoch."""
    told: dict[int, list[tuple[int, Progress]]] = {}
    for epoch, steps in enumerate(training.run()):
        for number, progress in steps.items():
            told.setdefault(number, []).append((epoch, progress))
    return told


def assert_same(one: Trained, other: Trained) -> None:
    assert one.results == other.results and one.chosen == other.chosen
    np.testing.assert_equal(one.history, other.history)
    for name, value in one.state.items():
        assert torch.equal(value, other.state[name])


@st.composite
def groups(draw: st.DrawFn, dtypes: Sequence[str] = ("float32", "float64", "bfloat16")) -> list[Trainee]:
    """Jobs of any number that see the same batches, and differ in whatever else may differ."""
    classes, features = draw(st.integers(2, 4)), draw(st.integers(1, 40))
    sizes = (draw(st.integers(classes, 90)), draw(st.integers(classes, 40)), classes)
    common = Settings(
        dtype=draw(st.sampled_from(dtypes)),
        batch_size=draw(st.integers(5, 80)),
        dropout=draw(st.sampled_from([0.0, 0.3])),
        inputs=draw(st.sampled_from(["standardised", "raw"])),
        seed=draw(st.integers(0, 99)),
    )
    layer = layer_of(gaussian_classes(draw(st.integers(0, 99)), classes, features, sizes), common)
    probes = st.lists(st.integers(0, classes - 1), min_size=1, max_size=classes, unique=True)
    rates = st.lists(st.sampled_from([1e-3, 1e-2, 0.3]), min_size=0, max_size=3, unique=True)
    jobs = []
    for _ in range(draw(st.integers(1, 5))):
        own = replace(
            common,
            lrs=tuple(draw(rates)),
            weight_decays=draw(st.sampled_from([(0.0,), (0.1, 0.01)])),
            epochs=draw(st.integers(1, 5)),
            patience=draw(st.integers(1, 3)),
            scheduler=draw(st.booleans()),
            pos_weight=draw(st.sampled_from([1.0, 2.5, "balanced"])),
            bias_start=draw(st.sampled_from(["log-odds", "zero"])),
        )
        jobs.append(Trainee(layer, own.for_width(features), draw(probes)))
    return jobs


@hypothesis_settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(groups())
def test_jobs_beside_each_other_come_to_the_same_bits_as_alone(jobs: list[Trainee]) -> None:
    together = ended(SharedTraining(jobs))
    for number, job in enumerate(jobs):
        alone = ended(SharedTraining([job]))[0]
        assert [(epoch, one.done, one.total, one.is_over) for epoch, one in together[number]] == [
            (epoch, one.done, one.total, one.is_over) for epoch, one in alone
        ]
        assert (alone[-1][1].is_over and not alone[0][1].is_over) or len(alone) == 1
        mine, own = ([one for _, each in told for one in each.finished] for told in (together[number], alone))
        assert sorted(one.probe for one in mine) == sorted(job.probes)
        for one, other in zip(mine, own, strict=True):
            assert_same(one, other)


def test_who_leaves_changes_nothing_for_the_others() -> None:
    settings = Settings(epochs=4, lrs=(1e-2,), batch_size=16)
    jobs = [Trainee(layer_of(gaussian_classes(), settings), settings, probes) for probes in ([0], [1, 2])]
    training, seen = SharedTraining(jobs), []
    for steps in training.run():
        seen.append([*steps])
        training.leave(0)
        finished = [one for progress in steps.values() for one in progress.finished]
    assert seen == [[0, 1], [1], [1], [1]]
    alone = [one for _, _, done in FusedTraining(jobs[1].layer, settings, [1, 2]).run() for one in done]
    for one, other in zip(finished, alone, strict=True):
        assert_same(one, other)


def test_what_decides_the_batches_parts_jobs() -> None:
    base = Settings()
    same = [replace(base, lrs=(0.1,)), replace(base, epochs=3), replace(base, batch_size=2000, epoch_steps=9)]
    assert {batches_of(one, 100) for one in same} == {batches_of(base, 100)}
    other = [{"seed": 1}, {"batch_size": 5}, {"dropout": 0.2}, {"inputs": "raw"}, {"dtype": "float64"}]
    assert len({batches_of(replace(base, **one), 100) for one in [{}, *other]}) == 6


@hypothesis_settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(groups(["float64"]))
def test_recorded_steps_come_to_the_same_as_those_of_a_cpu(jobs: list[Trainee]) -> None:
    recorder = Recorder()
    recorded, plain = ended(SharedTraining(jobs, recorded_by(recorder))), ended(SharedTraining(jobs))
    assert {number: len(told) for number, told in recorded.items()} == {
        number: len(told) for number, told in plain.items()
    }
    for number, told in plain.items():
        mine, own = ([one for _, each in by for one in each.finished] for by in (recorded[number], told))
        for one, other in zip(mine, own, strict=True):
            assert (one.probe, one.chosen.best_epoch) == (other.probe, other.chosen.best_epoch)
            assert [r.stop_epoch for r in one.results] == [r.stop_epoch for r in other.results]
            for name, value in one.state.items():
                torch.testing.assert_close(value, other.state[name], rtol=0, atol=1e-10)
            for name, values in one.history.items():
                np.testing.assert_allclose(values, other.history[name], rtol=0, atol=1e-10)


def test_multihead_probes_are_recorded_too_and_anew_where_columns_stop() -> None:
    settings = Settings(
        model_type="multihead", hidden_dim=16, dtype="float64", epochs=6, batch_size=8, patience=2
    )
    settings = replace(settings, lrs=(1e-3, 5e-2), dropout=0.2)
    job = Trainee(layer_of(gaussian_classes(3, classes=5), settings), settings, [0, 2, 4])
    recorder = Recorder()
    recorded, plain = ended(SharedTraining([job], recorded_by(recorder))), ended(SharedTraining([job]))
    assert 1 <= recorder.said.count("record") < 6
    mine, own = ([one for _, each in told[0] for one in each.finished] for told in (recorded, plain))
    for one, other in zip(mine, own, strict=True):
        assert [r.stop_epoch for r in one.results] == [r.stop_epoch for r in other.results]
        for name, value in one.state.items():
            torch.testing.assert_close(value, other.state[name], rtol=0, atol=1e-10)
