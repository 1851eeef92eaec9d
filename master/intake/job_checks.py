"""What a job's fields may be, before anything is planned with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from master.core.nearest import hint, literal
from master.core.planning.identity import (
    CODE_FIELD,
    PARTICIPANTS_FIELD,
    TARGET_ONLY,
    BaseModelRule,
    base_participants_of,
    is_participant_job,
)
from master.specs import Config
from worker_agent.protocol.script_contract import BASE_ONLY

MODES = ("full_fine_tuning", "target_only_fine_tuning", TARGET_ONLY)
SHARES = ("target_batch_pct", "target_data_pct", "aug_prob")
RESERVED_FIELDS = frozenset({CODE_FIELD, PARTICIPANTS_FIELD})

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")

_NUMBERS = frozenset({int, float, bool, type(None)})

Problem = tuple[str, str]
"""A field and what is wrong with it, as a predicate."""


def problems(
    config: Config, rule: BaseModelRule, known_fields: Collection[str] | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with a job's fields; later checks may rely on earlier ones, so take the first."""
    for name, value in config.items():
        wrong = _name_problem(name) or _value_problem(name, value)
        if wrong:
            yield name, wrong
    if known_fields is not None:
        passed = (name for name in config if not name.startswith("_") and name not in known_fields)
        yield from ((name, f"is no flag of the script: {hint(name, known_fields)}") for name in passed)
    yield from _share_problems(config)
    if config.get("mode") == BASE_ONLY:
        yield "mode", f"may not be {BASE_ONLY}: the jobs that train base models are generated"
    yield from _participant_problems(config, rule)


@lru_cache(maxsize=4096)
def _name_problem(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return "is not a field's name: allowed are a letter or _, then letters, digits, _ and -, 100 at most"
    if name in RESERVED_FIELDS:
        return "is a name that is kept for the identity of base models: choose another"
    return None


def _value_problem(name: str, value: Any) -> str | None:
    if type(value) in _NUMBERS:
        return None
    items = value if isinstance(value, list) else (value,)
    for item in items:
        if isinstance(item, (dict, list)):
            kind = "an object" if isinstance(item, dict) else "a list of lists"
            return f"is {kind}: allowed are strings, numbers, true, false, null and flat lists of them"
        if isinstance(item, str) and "\0" in item:
            return "holds a NUL character, which no program can be given"
        if isinstance(item, str) and items is value and item.startswith("-") and not name.startswith("_"):
            return f"holds {literal(item)}, which a script would take for a flag"
    return None


def _share_problems(config: Config) -> Iterator[Problem]:
    for name in SHARES:
        value = config.get(name)
        if value is not None and not (type(value) in (int, float) and 0 <= value <= 1):
            yield name, f"is {literal(value)}, allowed are numbers from 0 to 1"


def _participant_problems(config: Config, rule: BaseModelRule) -> Iterator[Problem]:
    if not is_participant_job(config):
        for given, missing in (("participants", "fold"), ("fold", "participants")):
            if config.get(given) is not None:
                yield given, f"is given without `{missing}`: a participant job has both"
        return
    yield from _participants_problem(config["participants"])
    if type(config["fold"]) is not int:
        yield "fold", f"is {literal(config['fold'])}, allowed are 0 to {len(config['participants']) - 1}"
    mode = config.get("mode")
    if mode is not None and mode not in MODES:
        yield "mode", f"is {literal(mode)}: {hint(str(mode), MODES)}"
    yield from _base_problem(config, rule.needed and mode != TARGET_ONLY)


def _participants_problem(participants: Any) -> Iterator[Problem]:
    kinds = {type(name) for name in participants} if isinstance(participants, list) else set()
    if kinds not in ({str}, {int}) or "" in participants:
        yield "participants", "must be a list of names, at least one"
    if len(set(participants)) < len(participants):
        twice = Counter(participants).most_common(1)[0][0]
        yield "participants", f"names {literal(twice)} more than once"


def _base_problem(config: Config, needed: bool) -> Iterator[Problem]:
    if isinstance(config.get("n_base_participants"), bool):
        yield "n_base_participants", "is true or false, allowed are `all` and a whole number"
    try:
        others = base_participants_of(config)
    except ValueError as error:
        at_fault = "fold" if str(error).startswith("fold") else "n_base_participants"
        yield at_fault, str(error).removeprefix(f"{at_fault} ")
        return
    if needed and not others:
        problem = (
            f"has nobody but the target to train a base model on: name more, or set `mode` to {TARGET_ONLY}"
        )
        yield "participants", problem
