"""What a job's fields mean to its training code, as data: the core knows no field of a script by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from master.specs import Config, Rungs
from worker_agent.protocol.script_contract import MODE

NO_MODES: Mapping[str, bool] = MappingProxyType({})


class OutOfRange(ValueError):
    """A field of a job that says what cannot be."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field} {problem}")


@dataclass(frozen=True)
class LeaveOneOut:
    """Jobs over members of which one is left out: a base model is made from the others.

    Each text is the name of a field.
    """

    members: str
    """A list of names."""
    index: str
    """Which member is left out, from 0."""
    count: str
    """How many of the others count; `all`, null and no such field are all of them."""
    others: str
    """What the others are called in the identity of a base model."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields that only matter through the others that they lead to."""
        return frozenset({self.members, self.index, self.count})

    def applies(self, config: Config) -> bool:
        """Tell whether a job is one over members."""
        return isinstance(config.get(self.members), list) and config.get(self.index) is not None

    def others_of(self, config: Config) -> list[str]:
        """Return the others that a job's base model is made from, sorted: how they came about says nothing.

        Raises OutOfRange for an index or a count.
        """
        members, index, count = config[self.members], config[self.index], config.get(self.count)
        if not 0 <= index < len(members):
            raise OutOfRange(self.index, f"is {index}, allowed are 0 to {len(members) - 1}")
        others = [member for at, member in enumerate(members) if at != index]
        if count is None or count == "all":
            return sorted(others)
        if not isinstance(count, int) or not 1 <= count <= len(others):
            raise OutOfRange(self.count, f"is {count!r}, allowed are 'all' and 1 to {len(others)}")
        return sorted(others[:count])


@dataclass(frozen=True)
class JobShape:
    """What jobs of one training script, or of one kind of scripts, have in common."""

    base_models: bool = True
    """Whether jobs start from base models where their file says nothing of it."""
    fine_tuning_fields: frozenset[str] = frozenset()
    """Fields that say how a job uses its base model, and so do not identify it."""
    modes: Mapping[str, bool] = field(default_factory=lambda: NO_MODES)
    """Values of the field `mode`, and whether a job in that mode starts from a base model; empty: any."""
    kind_fields: tuple[str, ...] = ()
    """Jobs with equal values here take about equally long."""
    leave_one_out: LeaveOneOut | None = None
    rungs: Rungs | None = None
    """Which trainings of base models go on from others with the same result, as their trainer says."""
    is_usual: bool = False
    """Jobs are often written so, but their training code does not demand it: in one that is written otherwise
    these words are ordinary ones, and it starts from a base model only where its file asks for one."""

    def has_form(self, config: Config) -> bool:
        """Tell whether a job is written in this form: over members, or in one of its modes."""
        mode, split = config.get(MODE), self.leave_one_out
        is_mode = isinstance(mode, str) and mode in self.modes
        return is_mode or (split is not None and split.applies(config))

    def is_plain(self, config: Config) -> bool:
        """Tell whether nothing says what a job's fields mean but its file."""
        return self.is_usual and not self.has_form(config)

    def asks_for_base_model(self, config: Config) -> bool:
        """Tell whether a job starts from a base model where its file says nothing of it."""
        return self.has_form(config) if self.is_usual else self.base_models

    def tuning_fields_of(self, config: Config) -> frozenset[str]:
        """Return the fields of a job that say how it uses its base model."""
        split = self.leave_one_out
        if split is None or not self.is_usual or split.applies(config):
            return self.fine_tuning_fields
        return self.fine_tuning_fields - split.fields

    def needs_base_model(self, config: Config) -> bool:
        """Tell whether a job's mode starts from a base model."""
        mode = config.get(MODE)
        return self.modes.get(mode, True) if isinstance(mode, str) else True

    def kind_of(self, config: Config) -> str:
        """Return what a job shares with those that take about equally long."""
        return " ".join(str(config.get(name, "")) for name in self.kind_fields)


ANY_JOB = JobShape()
"""Jobs of which nothing is known."""
