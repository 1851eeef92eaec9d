"""The files that a training goes on from, and the weights of its best validations."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.common.files import read_tensors, write_json, write_tensors
from trainers.common.resume import as_json, differences
from trainers.sae.model.parameters import check_like

STATE = "sae_checkpoint.pt"
MEMORY = "memory.json"


class Checkpoints:
    """A folder of them."""

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any]) -> None:
        self._folder, self._fingerprint = folder, as_json(fingerprint)

    def state(self) -> dict[str, Any] | None:
        """Return what was written last; None where nothing was, BadInput where it is of another training."""
        path = self._folder / STATE
        try:
            state = read_tensors(path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise BadInput(f"{error}; delete it to begin anew") from error
        if not isinstance(state.get("fingerprint"), dict):
            raise BadInput(f"{path}: no state of a training; delete it to begin anew")
        changed = differences(state["fingerprint"], self._fingerprint)
        if changed:
            raise BadInput(f"{path} is of another training ({changed}); use --overwrite, or another folder")
        return state

    def taking_up(self) -> AbstractContextManager[None]:
        """Raise BadInput where what is done inside shows that the state does not fit the training."""
        return reading(self._folder / STATE, "a state of this training (delete it to begin anew)")

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Write what a training goes on from."""
        write_tensors(self._folder / STATE, {**state, "fingerprint": self._fingerprint})

    def write_weights(self, step: int, weights: Mapping[str, Any]) -> None:
        """Write the weights of a step."""
        write_tensors(self.weights(step), weights)

    def read_weights(self, step: int, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a step; BadInput where their file is gone, damaged, or not like our own."""
        try:
            found = read_tensors(self.weights(step))
            check_like(own, found)
            return found
        except (FileNotFoundError, ValueError) as error:
            raise BadInput(
                f"{self.weights(step)}: the weights of the best validation are missing or damaged; "
                "use --overwrite to train anew"
            ) from error

    def keep_only(self, steps: Collection[int]) -> None:
        """Delete the weights of all other steps."""
        kept = {self.weights(step) for step in steps}
        for path in self._folder.glob("step_*.pt"):
            if path not in kept:
                path.unlink()

    def weights(self, step: int) -> Path:
        """Return the file of the weights of a step."""
        return self._folder / f"step_{step:08}.pt"


def check_counts(**counts: object) -> None:
    """Raise ValueError for what is no number of things."""
    wrong = [name for name, count in counts.items() if type(count) is not int or count < 0]
    if wrong:
        raise ValueError(f"{wrong[0]} is {counts[wrong[0]]!r:.60}, no number of things")


def memory_before(folder: Path) -> int | None:
    """Return the bytes that a training in this folder began with for its activations; None where none did.

    On them depends the order of streamed rows, which has to stay what it was.
    """
    try:
        found = json.loads((folder / MEMORY).read_text())["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def keep_memory(folder: Path, memory: int) -> None:
    """Write down with how many bytes for its activations a training begins."""
    write_json(folder / MEMORY, {"bytes": memory})
