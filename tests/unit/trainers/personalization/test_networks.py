from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score
from torch import nn

from trainers.personalization.data import Windows
from trainers.personalization.networks import NetworkSpec, logits
from trainers.personalization.scoring import evaluate, scores

SPEC = NetworkSpec(
    model="mlp",
    n_channels=3,
    window_size=20,
    n_classes=4,
    dropout=0.5,
    conv_channels=(5, 7),
    kernel_size=3,
    hidden_sizes=(11, 6),
)


@pytest.mark.parametrize("model", ["cnn", "mlp", "test"])
@pytest.mark.parametrize("window_size", [1, 3, 20])
def test_a_network_gives_one_logit_a_class(model: str, window_size: int) -> None:
    network = replace(SPEC, model=model, window_size=window_size).build()
    assert logits(network, torch.randn(9, 3, window_size)).shape == (9, 4)


@pytest.mark.parametrize("model", ["cnn", "mlp", "test"])
def test_a_window_is_judged_without_regard_to_its_neighbours(model: str) -> None:
    network = replace(SPEC, model=model).build().eval()
    X = torch.randn(9, 3, 20)
    torch.testing.assert_close(logits(network, X)[4:5], logits(network, X[4:5]))


def test_the_shape_flags_set_the_widths() -> None:
    mlp = [layer.out_features for layer in SPEC.build() if isinstance(layer, nn.Linear)]
    cnn = [layer.out_channels for layer in replace(SPEC, model="cnn").build() if isinstance(layer, nn.Conv1d)]
    assert mlp == [11, 6, 4]
    assert cnn == [5, 7]


@given(
    st.integers(2, 5).flatmap(
        lambda n_classes: st.tuples(
            st.just(n_classes),
            st.lists(st.tuples(*[st.integers(0, n_classes - 1)] * 2), min_size=1, max_size=40),
        )
    )
)
def test_scores_agree_with_scikit_learn(case: tuple[int, list[tuple[int, int]]]) -> None:
    n_classes, pairs = case
    truth, predicted = torch.tensor(pairs).T
    found = scores(0.0, truth, predicted, n_classes)
    average = "binary" if n_classes == 2 else "macro"
    expected = f1_score(truth.numpy(), predicted.numpy(), average=average, zero_division=0)
    assert found.f1 == pytest.approx(expected)
    assert found.accuracy == pytest.approx(accuracy_score(truth.numpy(), predicted.numpy()))


def test_evaluation_uses_no_dropout_and_averages_over_windows() -> None:
    network = SPEC.build()
    windows = Windows(torch.randn(5000, 3, 20), torch.randint(4, (5000,)))
    first, second = evaluate(network, windows), evaluate(network, windows)
    assert first == second
    with torch.no_grad():
        expected = nn.functional.cross_entropy(network(windows.X_NCT), windows.y_N)
    assert first.loss == pytest.approx(float(expected), rel=1e-5)
