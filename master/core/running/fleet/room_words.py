"""What room a worker has, in words: jobs at a time, or its GPUs and how they are shared."""

from __future__ import annotations


def room_of(slots: int, gpus: int, per_gpu: int | None, held: float) -> str:
    """Say how many jobs run at a time, or on how many GPUs, and what this run has to wait for.

    `slots` and `held` count slots; a GPU is one where it is shared by memory, else `per_gpu` of them.
    """
    if not gpus:
        return f"{_of_jobs(slots)} at a time{f', {held:g} of them' if held else ''}{_by(held)}"
    named = f"{gpus} {'GPU' if gpus == 1 else 'GPUs'}"
    if per_gpu is not None:
        part = f", {held:g} of the {slots} slots" if held else ""
        return f"{named}, {_of_jobs(per_gpu)}{' on each' if gpus > 1 else ''} at a time{part}{_by(held)}"
    part = f", {100 * held:.0f} % of {'it' if gpus == 1 else 'a GPU'}" if held else ""
    part = f", {held:.1f} of them" if gpus > 1 and held >= 1 else part
    return f"{named}, shared by memory{part}{_by(held)}"


def _of_jobs(count: int) -> str:
    return f"{count} {'job' if count == 1 else 'jobs'}"


def _by(held: float) -> str:
    return " held by other runs or users" if held else ""
