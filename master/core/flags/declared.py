"""What a training script declares of its command line, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from master.core.flags.booleans import TRUE_FALSE, BooleanWords
from master.core.nearest import hint
from master.specs import EMPTY


class Takes(Enum):
    """What stands behind a flag."""

    NOTHING = "nothing"
    ONE = "one value"
    MANY = "several values behind one flag"
    EACH = "one value, and the flag again for the next"
    COUNT = "nothing, and the flag as often as a number says"
    UNKNOWN = "what could not be read"


class Style(Enum):
    """How flags are written that nothing is known of but their names."""

    SEPARATE = "--key value"
    JOINED = "--key=value"
    BARE = "key=value"


@dataclass(frozen=True)
class Flag:
    """A flag, or a word without one, that a script declares."""

    target: str
    """What the script calls the value: flags with one target are one field."""
    spelling: str
    """With its dashes; empty for a word without flag."""
    takes: Takes = Takes.ONE
    count: int | None = None
    """How many values it takes, where that is said."""
    boolean: BooleanWords = TRUE_FALSE
    """What it calls true and false, where it takes values."""
    on: tuple[str, ...] | None = None
    """Words that say true, where it takes none; None: true cannot be said."""
    off: tuple[str, ...] | None = None
    """Words that say false, where it takes none; None: false cannot be said."""
    is_whole: bool = False
    """Whether values are whole numbers, which JSON may write as `3.0`."""
    joins: bool = True
    """Whether `=` may stand between flag and value."""
    verbatim: bool = False
    """Whether the word behind it is its value whatever it begins with."""
    place: int | None = None
    """For a word without flag: which of them it is."""

    @property
    def shown(self) -> str:
        """How the user is told of it."""
        return self.spelling or self.target


@dataclass(frozen=True)
class ScriptFlags:
    """All that is known of what a script takes."""

    script: str = "the script"
    by_name: Mapping[str, Flag] = field(default_factory=lambda: EMPTY)
    """By the names that a field may have, without dashes."""
    open: str = "what it takes is not known"
    """Why it may take more than that; empty: it takes nothing else."""
    style: Style = Style.SEPARATE
    """Of flags that are not in `by_name`."""
    words: tuple[str, ...] = ()
    """What stands before all flags."""
    is_exact: bool = False
    """Whether `-` and `_` are two letters in a field's name."""
    told_prefix: bool = False
    """Whether it is told the folder of its results where it cannot be seen what it takes."""
    _found: dict[str, Flag | None] = field(default_factory=dict, repr=False, compare=False)
    checked: dict[object, str] = field(default_factory=dict, repr=False, compare=False)
    """What was found wrong with values, each of which many jobs have."""

    @property
    def long_names(self) -> frozenset[str]:
        """The long flags without their dashes, as declared: `batch-size` and `batch_size` differ."""
        found = self.by_name.values()
        return frozenset(flag.spelling[2:] for flag in found if flag.spelling.startswith("--"))

    def find(self, name: str) -> Flag | None:
        """Return the flag that a field means, None where there is none or it could be two."""
        if name not in self._found:
            self._found[name] = self.by_name.get(name) or self._by_other_spelling(name)
        return self._found[name]

    def _by_other_spelling(self, name: str) -> Flag | None:
        spelled = self._spelled(name)
        return self.by_name[spelled[0]] if len(spelled) == 1 else None

    def _spelled(self, name: str) -> list[str]:
        """Return the names that differ from a field's by `-`, `_` and case alone, one for each flag."""
        if self.is_exact:
            return []
        plain = _plain(name)
        alike = {flag.spelling: known for known, flag in self.by_name.items() if _plain(known) == plain}
        return list(alike.values())

    def unknown(self, name: str) -> str:
        """Say what is wrong with a field that means no flag, as a predicate; "" where it may be one."""
        spelled = self._spelled(name)
        if len(spelled) > 1:
            either = " or ".join(f"`{known}`" for known in sorted(spelled))
            return f"could be two flags of {self.script}: write {either}"
        if self.open:
            return ""
        return f"is no flag of {self.script}: {hint(name, self.by_name)}"


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


NOTHING_KNOWN = ScriptFlags()
