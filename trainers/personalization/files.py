"""The names of the files that a training writes."""

from __future__ import annotations

BEST_BASE_MODEL = "best_base_model.pt"
LAST_BASE_MODEL = "last_base_model.pt"
BASE_METRICS = "base_metrics.json"
BASE_LOSSES = "base_losses.json"
BASE_CONFIG = "base_config.json"

BEST_TARGET_MODEL = "best_target_model.pt"
METRICS = "metrics.json"
LOSSES = "losses.json"
HYPERPARAMETERS = "hyperparameters.json"
LOSS_PLOT = "loss.png"
F1_PLOT = "f1.png"

CHECKPOINT = "training_state.pt"
