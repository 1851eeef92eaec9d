"""TensorBoard's event files, read by TensorBoard itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from master.core.results.curves import Curves

PATTERN = "events.out.tfevents.*"
EXTRA = "pip install 'twophase[tensorboard]'"
MOST_BYTES = 256 << 20
"""Of a file: images and histograms, which are read with it, are kept in memory."""
_SETTINGS = "_hparams_/"
"""Begins the tags of hyperparameters."""


class NotInstalled(Exception):
    """The package that reads event files is not here."""


def read_events(folder: Path) -> Curves:
    """Return the scalars of the event files in a folder, by tag.

    Both ways of writing them are read: a plain value, as torch and TensorFlow 1 write it, and a tensor with
    one element, as TensorFlow 2 does.  Raises NotInstalled, and ValueError for files that cannot be read.
    """
    try:
        from tensorboard.backend.event_processing import event_accumulator as events
    except ImportError as error:
        raise NotInstalled(EXTRA) from error
    if any(path.stat().st_size > MOST_BYTES for path in folder.glob(PATTERN)):
        raise ValueError(f"its event files cannot be read: larger than {MOST_BYTES >> 20} MiB")
    logging.getLogger("tensorboard").setLevel(logging.CRITICAL)
    try:
        found = events.EventAccumulator(str(folder), size_guidance={events.SCALARS: 0, events.TENSORS: 0})
        found.Reload()
        tags: dict[str, Any] = found.Tags()
        curves = {tag: [each.value for each in found.Scalars(tag)] for tag in tags[events.SCALARS]}
        curves |= {tag: _of_tensors(found.Tensors(tag)) for tag in tags[events.TENSORS]}
    except Exception as error:  # whatever a damaged file does to its reader
        raise ValueError(f"its event files cannot be read: {type(error).__name__}") from error
    return {tag: values for tag, values in curves.items() if values and not tag.startswith(_SETTINGS)}


def _of_tensors(events: list[Any]) -> list[float]:
    from tensorboard.util import tensor_util

    arrays = [tensor_util.make_ndarray(event.tensor_proto) for event in events]
    return [float(array.item()) for array in arrays if array.size == 1 and array.dtype.kind in "fiu"]
