"""Whether a launch can be carried out at all, told before it is queued."""

from __future__ import annotations

import re
from typing import FrozenSet, Optional

from worker_agent.protocol.messages import Launch
from worker_agent.protocol.script_contract import EXECUTORS, executor_of_name

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_MAX_JOB_ID = 200


def is_content_hash(text: str) -> bool:
    """Return whether a text is 64 hex digits, and so safe as a file name."""
    return bool(_HASH.match(text))


def artefacts_of(launch: Launch) -> FrozenSet[str]:
    """Return the content hashes of all that an attempt takes from the cache."""
    mounted = (mount.artefact for mount in launch.mounts)
    return frozenset(name for name in (launch.base_model, launch.checkpoint, *mounted) if name)


def launch_problem(launch: Launch) -> Optional[str]:
    """Return what is wrong with a launch, None when it is fine."""
    if not launch.job_id or launch.job_id in (".", "..") or len(launch.job_id) > _MAX_JOB_ID:
        return f"job id {launch.job_id!r:.80}: allowed are 1 to {_MAX_JOB_ID} characters, not . or .."
    if "\0" in launch.job_id or "," in launch.job_id:
        return f"job id {launch.job_id!r:.80} holds a comma or a null character"
    if launch.phase not in (1, 2):
        return f"phase is {launch.phase}, allowed are 1 and 2"
    if not launch.argv or any("\0" in word for word in launch.argv):
        return "argv must be a list of at least one text without null characters"
    if executor_of_name(launch.executor) not in EXECUTORS:
        return f"executor is {launch.executor!r:.80}: allowed are {', '.join(EXECUTORS)}"
    if launch.output_from is not None and not _is_below(launch.output_from):
        return f"output_from is {launch.output_from!r}: allowed are relative paths without .."
    return _limits_problem(launch) or _mounts_problem(launch) or _artefact_problem(launch)


def _limits_problem(launch: Launch) -> Optional[str]:
    if launch.limits is None:
        return None
    wrong = [name for name, value in vars(launch.limits).items() if value is not None and value < 1]
    return f"limits: {wrong[0]} is below 1: allowed are 1 and more" if wrong else None


def _is_below(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def _mounts_problem(launch: Launch) -> Optional[str]:
    for mount in launch.mounts:
        if (mount.artefact is None) == (mount.path is None):
            return f"mount at {mount.at!r}: exactly one of artefact and path must be given"
        if not _is_below(mount.at):
            return f"mount at {mount.at!r}: allowed are relative paths without .."
    return None


def _artefact_problem(launch: Launch) -> Optional[str]:
    wrong = [name for name in artefacts_of(launch) if not is_content_hash(name)]
    return f"{wrong[0]!r:.100} is not a content hash: 64 hex digits" if wrong else None
