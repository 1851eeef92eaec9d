"""Early stopping of many columns at once: each has its own best epoch, patience and best weights."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.probes.fitting.stacked import Parameters, take


class EarlyStopping:
    """Remembers every column's best validation AUC and the parameters that reached it."""

    def __init__(self, parameters: Parameters, patience: int) -> None:
        columns = len(next(iter(parameters.values())))
        self._patience = patience
        self.best_auc = torch.full((columns,), -torch.inf, dtype=torch.float64)
        """-inf until a first finite AUC."""
        self.best_epoch = torch.full((columns,), -1)
        """Counted from 0."""
        self.best = {name: value.detach().clone() for name, value in parameters.items()}

    def update(self, epoch: int, auc: Tensor, parameters: Parameters) -> Tensor:
        """Take in one epoch's AUC (NaN counts as no better) and return which columns are out of patience."""
        better = auc > self.best_auc
        self.best_auc = torch.where(better, auc, self.best_auc)
        self.best_epoch = torch.where(better, epoch, self.best_epoch)
        places = better.nonzero()[:, 0].to(next(iter(parameters.values())).device)
        for name, value in parameters.items():
            self.best[name].index_copy_(0, places, value.detach().index_select(0, places))
        waited = torch.where(self.best_epoch < 0, epoch + 1, epoch - self.best_epoch)
        return waited >= self._patience

    def keep(self, columns: Tensor) -> None:
        """Go on with the columns at the given places (on the host) only."""
        self.best_auc, self.best_epoch = self.best_auc[columns], self.best_epoch[columns]
        self.best = take(self.best, columns.to(next(iter(self.best.values())).device))
