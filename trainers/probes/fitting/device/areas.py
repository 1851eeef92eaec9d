"""Areas under the ROC curve of the same examples again and again, without sorting them.

Only the positives are sorted, of which there are few where a class is one of many; each score then counts
how many of them it lies above and beside.  Counts are integers, so that the areas are those of `ranking`, bit
by bit, and nothing waits for the device.  Shapes: C probes, N examples, P positives of a probe at most.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Areas:
    """What is known of the labels of C probes before there are scores."""

    def __init__(self, labels_CN: Tensor) -> None:
        """`labels_CN` holds 0 and 1."""
        self._positives_C = labels_CN.sum(1, dtype=torch.int64)
        most = int(self._positives_C.max()) if len(labels_CN) else 0
        each = [one.argsort(dim=1, descending=True, stable=True)[:, :most] for one in labels_CN.split(16)]
        self._places_CP = torch.cat(each) if each else labels_CN.new_empty(0, 0, dtype=torch.int64)
        spare = torch.arange(most, device=labels_CN.device)
        self._is_spare_CP = spare >= self._positives_C[:, None]

    def roc_auc(self, scores_CN: Tensor) -> Tensor:
        """Return the area of each probe, float64 [C], ties counted half; NaN as of `ranking.roc_auc`."""
        scores_CN = scores_CN.contiguous()
        above = scores_CN.gather(1, self._places_CP).masked_fill_(self._is_spare_CP, torch.inf).sort(1).values
        positives, size = self._positives_C, scores_CN.shape[1]
        counted = torch.zeros_like(positives)
        for side in ("left", "right"):
            # An infinite score finds the spare places below it.
            found = torch.searchsorted(above, scores_CN, side=side, out_int32=True)
            counted += torch.minimum(found, positives[:, None]).sum(1, dtype=torch.int64)
        # Twice the pairs that every score loses, less those of positives among themselves.
        doubled = 2 * positives * size - counted - positives.square()
        areas = doubled.double() / (2 * positives * (size - positives)).double()
        return torch.where(scores_CN.isnan().any(1), torch.nan, areas)
