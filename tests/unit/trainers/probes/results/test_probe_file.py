"""Probe files: usual readers load ours, and ours loads what they wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.common.errors import BadInput
from trainers.common.files import write_tensors
from trainers.probes.fitting.modules import new_module
from trainers.probes.reading.layer import Trained, VariantResult
from trainers.probes.results.probe_file import checkpoint, load_probe, metadata_of
from trainers.probes.settings import Settings

KINDS = ("linear", "multihead")


class BinaryLinearProbe(nn.Module):
    """A linear probe as its readers have it."""

    def __init__(self, input_dim: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(input_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.dropout(x))
        return logits


class BinaryMultiHeadProbe(nn.Module):
    """A multihead probe as its readers have it."""

    def __init__(self, input_dim: int, hidden_dim: int = 512) -> None:
        super().__init__()
        linear = (nn.Linear(input_dim, hidden_dim), nn.Linear(hidden_dim, hidden_dim))
        self.encoder = nn.Sequential(
            *(linear[0], nn.ReLU(), nn.Dropout(0.1)), *(linear[1], nn.ReLU(), nn.Dropout(0.1))
        )
        self.attention = nn.MultiheadAttention(hidden_dim, 8, dropout=0.1, batch_first=True)
        self.classifier = nn.Linear(hidden_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.encoder(x).unsqueeze(1)
        logits: Tensor = self.classifier(self.attention(h, h, h)[0].squeeze(1))
        return logits


THEIRS = {kind.__name__: kind for kind in (BinaryLinearProbe, BinaryMultiHeadProbe)}


def read_as_they_do(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    saved = torch.load(path)
    probe = THEIRS[saved["model_class"]](**saved["model_config"])
    probe.load_state_dict(saved["model_state_dict"])
    return probe.eval(), saved["metadata"]


def settings_of(model_type: str) -> Settings:
    return Settings(model_type=model_type, hidden_dim=16)  # type: ignore[arg-type]


def some_rows(seed: int) -> Tensor:
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("model_type", KINDS)
def test_a_usual_reader_loads_our_probes(tmp_path: Path, model_type: str) -> None:
    settings = settings_of(model_type)
    module = new_module(settings, 4).eval()
    result = VariantResult({"lr": 0.1}, 0.75, best_epoch=2, stop_epoch=3)
    history = {"val_loss": [0.5, 0.25, 0.75], "val_accuracy": [0.5, 0.875, 0.625]}
    trained = Trained(0, module.state_dict(), result, [result], history)
    path = tmp_path / "probe_plan.pth"
    write_tensors(path, checkpoint(settings, trained.state, metadata_of("plan", "27", trained)))
    probe, metadata = read_as_they_do(path)
    x = some_rows(0)
    torch.testing.assert_close(probe(x)[:, 0], module(x))
    assert metadata == {
        **{"action": "plan", "layer": "27", "epoch": 2, "val_auc": 0.75},
        **{"val_accuracy": 0.875, "val_loss": 0.25},
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("theirs", [BinaryLinearProbe(4), BinaryMultiHeadProbe(4, 16)], ids=lambda it: "")
def test_ours_loads_their_probes(tmp_path: Path, theirs: nn.Module, dtype: torch.dtype) -> None:
    theirs = theirs.eval().to(dtype)
    hidden = {} if isinstance(theirs, BinaryLinearProbe) else {"hidden_dim": 16}
    saved = {
        "model_state_dict": theirs.state_dict(),
        "model_class": type(theirs).__name__,
        "model_config": {"input_dim": 4, **hidden},
        "metadata": {"action": "plan", "epoch": 7},
    }
    torch.save(saved, tmp_path / "probe_plan.pth")
    loaded = load_probe(tmp_path / "probe_plan.pth")
    x = some_rows(1).to(next(loaded.parameters()).dtype)
    expected = theirs.to(x.dtype)(x)[:, 0]
    torch.testing.assert_close(loaded(x), expected)


@pytest.mark.parametrize("model_type", KINDS)
def test_a_saved_probe_loads_with_the_same_logits(tmp_path: Path, model_type: str) -> None:
    settings = settings_of(model_type)
    module = new_module(settings, 4)
    write_tensors(tmp_path / "probe_plan.pth", checkpoint(settings, module.state_dict(), {}))
    x = some_rows(0)
    assert torch.equal(load_probe(tmp_path / "probe_plan.pth")(x), module(x))


@pytest.mark.parametrize("content", [b"no", None])
def test_other_files_are_no_probes(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "probe_x.pth"
    write_tensors(path, {"state_dict": {}}) if content is None else path.write_bytes(content)
    with pytest.raises(BadInput, match="is not a saved probe"):
        load_probe(path)
