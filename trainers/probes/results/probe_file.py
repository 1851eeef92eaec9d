"""`probe_<action>.pth`: a probe as the usual readers of such files load it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.errors import BadInput
from trainers.common.torch_files import load_checkpoint
from trainers.probes.fitting.modules import new_module
from trainers.probes.reading.layer import Trained
from trainers.probes.settings import ModelType, Settings

CLASSES: dict[ModelType, str] = {"linear": "BinaryLinearProbe", "multihead": "BinaryMultiHeadProbe"}
_NAMES = {"input": "encoder.0", "hidden": "encoder.3", "output": "classifier"}
"""What our layers are called in the file; the others have one name in both."""
_OURS = {theirs: ours for ours, theirs in _NAMES.items()}


def checkpoint(
    settings: Settings, state: Mapping[str, Tensor], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the file holds of a probe with this state dict."""
    linear = settings.model_type == "linear"
    config = {"input_dim": state["linear.weight" if linear else "input.weight"].shape[1]}
    return {
        "model_state_dict": _renamed(state, _NAMES),
        "model_class": CLASSES[settings.model_type],
        "model_config": config if linear else {**config, "hidden_dim": settings.hidden_dim},
        "metadata": dict(metadata),
    }


def metadata_of(action: str, layer: str | None, trained: Trained) -> dict[str, Any]:
    """Return what the file tells of how a probe came out: the validation figures of its best epoch."""
    return {
        **{"action": action, "layer": layer},
        **{"epoch": trained.chosen.best_epoch, "val_auc": trained.chosen.val_auc},
        **{name: trained.at_best(name) for name in ("val_accuracy", "val_loss")},
    }


def load_probe(path: Path) -> nn.Module:
    """Return the probe saved in a `probe_<action>.pth`, ready to map activations [B, D] to logits [B].

    Raises BadInput where the file is none.
    """
    try:
        saved = load_checkpoint(path)
        state, config = _renamed(saved["model_state_dict"], _OURS), saved["model_config"]
        kinds = {name: kind for kind, name in CLASSES.items()}
        double = next(iter(state.values())).dtype == torch.float64
        settings = Settings(
            model_type=kinds[saved["model_class"]],
            hidden_dim=config.get("hidden_dim", Settings.hidden_dim),
            dtype="float64" if double else "float32",
        )
        module = new_module(settings, config["input_dim"])
        module.load_state_dict(state)
    except Exception as error:
        raise BadInput(f"{path}: is not a saved probe ({error})") from error
    return module.eval()


def _renamed(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    return {_with_name(key, names): value for key, value in state.items()}


def _with_name(key: str, names: Mapping[str, str]) -> str:
    layer, _, kind = key.rpartition(".")
    return f"{names.get(layer, layer)}.{kind}"
