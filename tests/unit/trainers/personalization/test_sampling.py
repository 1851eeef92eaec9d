from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.common.seeds import derive_seed
from trainers.personalization.data import Windows
from trainers.personalization.sampling import (
    Augmentation,
    TrainingSet,
    random_share,
    target_per_batch,
    training_set,
)


def windows(count: int) -> Windows:
    return Windows(torch.arange(count, dtype=torch.float32).view(count, 1, 1), torch.zeros(count).long())


def epoch(n_target: int, n_base: int, batch_size: int, share: float | None, seed: int = 0) -> list[list[int]]:
    chosen = TrainingSet(windows(n_target + n_base), n_target, batch_size, share)
    return [batch.tolist() for batch in chosen.batches(torch.Generator().manual_seed(seed))]


@pytest.mark.parametrize(
    ("batch_size", "share", "expected"),
    [
        (64, 0.1, 6),
        (64, 0.9, 57),
        (64, 0.25, 16),
        (100, 0.29, 29),
        (64, 0.001, 1),
        (64, 0.9999, 63),
        (2, 0.5, 1),
        (64, 0.0, 0),
        (64, 1.0, 64),
        (1, 1.0, 1),
    ],
)
def test_the_target_gets_its_share_of_a_batch(batch_size: int, share: float, expected: int) -> None:
    assert target_per_batch(batch_size, share) == expected


@given(
    n_target=st.integers(1, 40),
    n_base=st.integers(1, 40),
    batch_size=st.integers(2, 24),
    share=st.floats(0.001, 0.999),
    seed=st.integers(0, 2**32),
)
def test_every_batch_is_full_and_an_epoch_shows_every_window(
    n_target: int, n_base: int, batch_size: int, share: float, seed: int
) -> None:
    batches = epoch(n_target, n_base, batch_size, share, seed)
    from_target = target_per_batch(batch_size, share)
    for batch in batches:
        assert len(batch) == batch_size
        assert sum(row < n_target for row in batch) == from_target
    assert {row for batch in batches for row in batch} == set(range(n_target + n_base))


@given(n_target=st.integers(1, 30), n_base=st.integers(1, 30), share=st.floats(0.01, 0.99))
def test_windows_of_a_kind_are_used_equally_often(n_target: int, n_base: int, share: float) -> None:
    rows = [row for batch in epoch(n_target, n_base, 8, share) for row in batch]
    for kind in (range(n_target), range(n_target, n_target + n_base)):
        uses = [rows.count(row) for row in kind]
        assert max(uses) - min(uses) <= 1


def test_an_epoch_is_one_pass_over_the_set_that_lasts_longer() -> None:
    assert len(epoch(n_target=10, n_base=90, batch_size=10, share=0.5)) == 18
    assert len(epoch(n_target=90, n_base=10, batch_size=10, share=0.1)) == 90


def test_no_share_takes_none_and_a_whole_share_takes_all() -> None:
    assert all(row >= 5 for batch in epoch(5, 20, 8, 0.0) for row in batch)
    assert all(row < 5 for batch in epoch(5, 20, 8, 1.0) for row in batch)


@given(n_target=st.integers(0, 30), n_base=st.integers(1, 30), batch_size=st.integers(1, 50))
def test_plain_mixing_shows_every_window_once(n_target: int, n_base: int, batch_size: int) -> None:
    batches = epoch(n_target, n_base, batch_size, None)
    assert sorted(row for batch in batches for row in batch) == list(range(n_target + n_base))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_batches_depend_on_the_generator_alone() -> None:
    assert epoch(9, 30, 8, 0.3, seed=1) == epoch(9, 30, 8, 0.3, seed=1)
    assert epoch(9, 30, 8, 0.3, seed=1) != epoch(9, 30, 8, 0.3, seed=2)


def test_a_training_set_puts_the_target_first() -> None:
    both = training_set(windows(2), windows(3), batch_size=4)
    assert both.n_target == 2
    assert both.windows.X_NCT.flatten().tolist() == [0, 1, 0, 1, 2]


def test_epochs_and_purposes_draw_different_numbers() -> None:
    numbers = {derive_seed(seed, what, n) for seed in (0, 1) for what in ("base", "target") for n in (1, 2)}
    assert len(numbers) == 8
    assert all(0 <= number < 2**63 for number in numbers)


def test_a_smaller_share_of_the_data_is_part_of_a_larger_one() -> None:
    kept = {s: set(random_share(windows(50), s, seed=3).X_NCT.flatten().tolist()) for s in (0.1, 0.5, 1.0)}
    assert [len(rows) for rows in kept.values()] == [5, 25, 50]
    assert kept[0.1] < kept[0.5] < kept[1.0]


@pytest.mark.parametrize("share", [0.0, 0.001])
def test_at_least_one_window_is_kept(share: float) -> None:
    assert len(random_share(windows(20), share, seed=0)) == 1


def test_another_seed_keeps_other_windows() -> None:
    first, second = (random_share(windows(50), 0.2, seed).X_NCT for seed in (0, 1))
    assert not torch.equal(first, second)


def varied(augmentation: Augmentation, X_NCT: torch.Tensor) -> torch.Tensor:
    return augmentation.apply(X_NCT, torch.Generator().manual_seed(0))


def test_augmentation_of_no_probability_changes_nothing() -> None:
    X = torch.randn(6, 2, 5)
    assert torch.equal(varied(Augmentation(0.5, (0.5, 1.5), 0.0), X), X)


def test_magnitude_is_one_factor_a_window_within_its_range() -> None:
    X = torch.ones(200, 2, 5)
    result = varied(Augmentation(0.0, (0.9, 1.2), 1.0), X)
    factor = result[:, 0, 0]
    assert torch.equal(result, factor[:, None, None].expand_as(result))
    assert 0.9 <= float(factor.min()) < 0.92 and 1.18 < float(factor.max()) <= 1.2
    assert torch.equal(X, torch.ones(200, 2, 5)), "the windows themselves must not change"


def test_jitter_has_the_asked_deviation_on_the_asked_share_of_windows() -> None:
    change = varied(Augmentation(0.2, (1.0, 1.0), 0.3), torch.zeros(4000, 1, 10))
    touched = change.abs().amax(dim=(1, 2)) > 0
    assert float(touched.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert float(change[touched].std()) == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("share", [None, 0.25, 1.0])
@pytest.mark.parametrize(("least", "n_target"), [(0, 3), (5, 3), (5, 90), (40, 17)])
def test_an_epoch_has_at_least_so_many_batches(share: float | None, least: int, n_target: int) -> None:
    chosen = TrainingSet(windows(n_target + 30), n_target, 8, share, least)
    found = chosen.batches(torch.Generator().manual_seed(0))
    assert len(found) == chosen.n_batches >= least
    one_pass = TrainingSet(windows(n_target + 30), n_target, 8, share)
    assert len(found) % one_pass.n_batches == 0
    assert len(found) < max(least, 1) + one_pass.n_batches
