"""Which fields of a job its script is told."""

from __future__ import annotations

from master.core.flags.declared import ScriptFlags
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT, PREFIX
from master.specs import Config
from worker_agent.protocol.script_contract import BASE_ONLY, MODE


def passed_fields(config: Config, script: ScriptFlags, *, in_form: bool) -> dict[str, object]:
    """Return the fields of a job that its script is told.

    `in_form` tells whether it is a job over participants: their scripts take a prefix, also where that cannot
    be seen.  A script that has no mode learns of Phase 1 from its environment.
    """
    left_out = set(NOT_FOR_THE_SCRIPT)
    if not takes_prefix(script, in_form=in_form):
        left_out.add(PREFIX.name)
    if config.get(MODE) == BASE_ONLY and not script.open and script.find(MODE) is None:
        left_out.add(MODE)
    return {name: value for name, value in config.items() if name not in left_out}


def takes_prefix(script: ScriptFlags, *, in_form: bool) -> bool:
    """Tell whether a script is told the folder of its results."""
    told = in_form or script.told_prefix
    return script.find(PREFIX.name) is not None or (told and bool(script.open))
