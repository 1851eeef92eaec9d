"""What a job's fields may be, before anything is planned with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from master.core.flags import passing
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.nearest import literal
from master.core.planning.identity import CODE_FIELD, BaseModelRule, needs_base_model
from master.core.planning.job_settings import STRUCTURED
from master.core.planning.job_shape import JobShape
from master.core.planning.passed_fields import passed_fields
from master.intake.participant_jobs import (
    PARTICIPANT_JOBS,
    SPLIT,
    Problem,
    has_our_words,
    participant_problems,
    share_problems,
)
from master.intake.sweeps.expansion import BASE_MODEL, NOT_IN_A_JOB
from master.specs import Config
from worker_agent.protocol.script_contract import BASE_ONLY, MODE

RESERVED_FIELDS = frozenset({CODE_FIELD, SPLIT.others})

_NAME = re.compile(r"\+{0,2}[A-Za-z_][A-Za-z0-9_.-]{0,99}")

_NUMBERS = frozenset({int, float, bool, type(None)})


def problems(
    config: Config,
    rule: BaseModelRule,
    shape: JobShape = PARTICIPANT_JOBS,
    script: ScriptFlags = NOTHING_KNOWN,
) -> Iterator[Problem]:
    """Yield what is wrong with a job's fields; later checks may rely on earlier ones, so take the first."""
    for name, value in config.items():
        wrong = _name_problem(name) or _value_problem(name, value)
        if wrong:
            yield name, wrong
    yield from passing.problems(passed_fields(config, script, in_form=shape.has_form(config)), script)
    if config.get(MODE) == BASE_ONLY:
        yield MODE, f"may not be {BASE_ONLY}: the jobs that train base models are generated"
    if has_our_words(config, shape):
        yield from share_problems(config)
        yield from participant_problems(config, needs_base_model(config, rule, shape))


@lru_cache(maxsize=4096)
def _name_problem(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return "is not a field's name: allowed are a letter or _, then letters, digits, `_ . -`, 100 at most"
    if name in RESERVED_FIELDS:
        return "is a name that is kept for the identity of base models: choose another"
    return None


def _value_problem(name: str, value: Any) -> str | None:
    if type(value) in _NUMBERS or name in STRUCTURED:
        return None
    if name == BASE_MODEL and isinstance(value, dict):
        return NOT_IN_A_JOB
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
