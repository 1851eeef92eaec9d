"""Which members are trained as one: what can be stacked, and whether that pays here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from trainers.common.errors import BadInput
from trainers.tabular.models.registry import MODELS, ModelSpec, build, count_parameters
from trainers.tabular.training.members import Member, Options
from trainers.tabular.training.orders import share_of

MOST_ON_CPU = 8
"""Members of a stack on a CPU: with more of them their weights leave its caches."""
MOST_ON_GPU = 32
MOST_WEIGHTS_ON_CPU = 200_000
"""Weights of a member up to which stacking pays on a CPU; with more of them arithmetic and memory bind."""


@dataclass(frozen=True)
class Plan:
    """How members are trained."""

    stacks: list[list[int]]
    """Numbers of members, in the order in which they are trained; each list at once."""
    reason: str
    """A line for the log."""


def planned(spec: ModelSpec, members: Sequence[Member], options: Options, jobs: int = 1) -> Plan:
    """Return which members are trained at once; BadInput where they are to be stacked and cannot be.

    `jobs`: of how many jobs they are, for the reason.
    """
    name = spec.name
    told = f"{len(members)} members{'' if jobs == 1 else f' of {jobs} jobs'}"
    if options.stacking == "stacked" and not MODELS[name].stacks:
        raise BadInput(
            f"members of {name} cannot be stacked; leave stacking to the program, or train them apart"
        )
    if len(members) < 2:
        return Plan([[number] for number in range(len(members))], f"{name}: one member")
    stacks, why = _choice(spec, options)
    if not stacks:
        return Plan([[number] for number in range(len(members))], f"{name}: {told} in turn, {why}")
    found = _stacks(members, options)
    sizes = " + ".join(str(len(stack)) for stack in found)
    return Plan(found, f"{name}: {told} stacked ({sizes}), {why}")


def _choice(spec: ModelSpec, options: Options) -> tuple[bool, str]:
    model, device = MODELS[spec.name], options.device.type
    if options.stacking != "auto":
        return options.stacking == "stacked", "as asked"
    if not model.stacks:
        return False, "because this model cannot be stacked"
    if options.compile and device == "cpu":
        return False, "because they are compiled"
    if device == "cpu" and not model.gains_on_cpu:
        return False, "because stacking does not make this model faster on a CPU"
    if device == "cpu" and _weights(spec) > MOST_WEIGHTS_ON_CPU:
        return False, f"because stacking does not make {_weights(spec):,} weights each faster on a CPU"
    return True, f"which is faster on {'a CPU' if device == 'cpu' else 'a GPU'}"


def _weights(spec: ModelSpec) -> int:
    with torch.device("meta"):  # without memory for them
        return count_parameters(build(spec))


def _stacks(members: Sequence[Member], options: Options) -> list[list[int]]:
    """Members whose batches are of one size, in stacks as equal as they can be."""
    by_batch: dict[int, list[int]] = {}
    for number, member in enumerate(members):
        by_batch.setdefault(share_of(member, options.batch_size).batch, []).append(number)
    most = MOST_ON_CPU if options.device.type == "cpu" else MOST_ON_GPU
    return [stack for alike in by_batch.values() for stack in _split(alike, most)]


def _split(numbers: list[int], most: int) -> list[list[int]]:
    parts = -(-len(numbers) // most)
    bounds = [len(numbers) * part // parts for part in range(parts + 1)]
    return [numbers[start:end] for start, end in pairwise(bounds)]
