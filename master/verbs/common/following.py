"""Follows the log of a job: by the master while one works, else by what is at home."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.explaining.standing import Standing
from master.core.running.lifecycle import State
from master.errors import NoMaster, TwophaseError
from master.runs.control.log_client import followed
from master.storage.journal_snapshot import open_snapshot
from master.storage.run_layout import RunLayout
from master.verbs.common.log_sinks import Sink
from master.verbs.common.run_directory import jobs_of
from master.view.answers.states import ENDED, HOW_ENDED
from worker_agent.protocol.logs.kept import FAR, ended_log, is_far, last_lines, read
from worker_agent.protocol.logs.watching import CHUNK_BYTES

SUCCEEDED, NOT_HERE, NOT_SUCCEEDED, NO_MASTER = 0, 1, 4, NoMaster.exit_code
"""Exit codes: how the job has ended, or why nobody knows."""


@dataclass
class Place:
    """How far a log has been shown."""

    attempt: int = 0
    """0 before anything was."""
    offset: int = 0


def follow(layout: RunLayout, job_id: str, lines: int, sink: Sink) -> int:
    """Show a log until its job has ended; return an exit code that tells how."""
    place, frames = Place(), followed(layout, job_id, lines)
    if frames is None:
        sink.say(f"no master of this machine works in {layout.root.resolve()}: shown is what came home")
        return show_home(layout, job_id, place, lines, sink)
    state = _shown(frames, place, sink)
    if state is None:
        sink.say("the master is gone: shown is what came home")
        return show_home(layout, job_id, place, lines, sink)
    return _ended(state, sink)


def _shown(frames: Iterable[Mapping[str, Any]], place: Place, sink: Sink) -> str | None:
    """Show what a master tells; return how the job has ended, None where the master ends before."""
    try:
        for frame in frames:
            if "end" in frame:
                return str(frame["end"])
            _show(frame, place, sink)
    except (LookupError, ValueError, TypeError) as error:
        raise TwophaseError(f"the master says what cannot be ({error!r}): is it of this version?") from error
    return None


def _show(frame: Mapping[str, Any], place: Place, sink: Sink) -> None:
    if "data" in frame:
        data = base64.b64decode(frame["data"])
        sink.write(int(frame["offset"]), int(frame["cut"]), data)
        place.offset = int(frame["offset"]) + len(data)
    elif "begin" in frame:
        attempt, worker = int(frame["begin"]), frame["worker"]
        if place.attempt and attempt:
            sink.say(f"try {attempt}{f' on {worker}' if worker else ''}:")
        place.attempt, place.offset = attempt, 0
        sink.begin(attempt)
    elif "waits" in frame:
        sink.say(_waiting(frame))
    elif "says" in frame:
        sink.say(str(frame["says"]))


def _waiting(frame: Mapping[str, Any]) -> str:
    from master.core.explaining.cause_json import from_json
    from master.view.answers.why import sentence

    return f"it {sentence(from_json(frame['waits']), float(frame['at']))}"


def _ended(state: str, sink: Sink) -> int:
    sink.end(state)
    if state != State.SUCCEEDED.value:
        sink.say(f"the job {HOW_ENDED.get(state, state)}: `twophase why` tells more")
    return SUCCEEDED if state == State.SUCCEEDED.value else NOT_SUCCEEDED


def show_home(layout: RunLayout, job_id: str, place: Place, lines: int, sink: Sink) -> int:
    """Show what is at home, from where was shown before; return an exit code for how the job stands."""
    with open_snapshot(layout.journal) as snapshot:
        standing = jobs_of(snapshot).standing(job_id)
    is_here = _home(layout, job_id, standing, place, lines, sink)
    if standing.state in ENDED:
        return _ended(standing.state, sink) if is_here else _missing(job_id, sink)
    sink.say(f"the job is {standing.state}, and goes on with its run: give that run's command again")
    return NO_MASTER


def _missing(job_id: str, sink: Sink) -> int:
    sink.say(f"{job_id}: its log did not come home, or has been removed")
    return NOT_HERE


def _home(layout: RunLayout, job_id: str, standing: Standing, place: Place, lines: int, sink: Sink) -> bool:
    """Show the log of the try that was followed, or of the last one; tell whether there is any."""
    tried = range(standing.attempts, 0, -1)
    attempt = next((each for each in tried if layout.log(job_id, each).is_file()), None)
    if attempt is None or attempt < place.attempt:
        return bool(place.offset)
    parts = ended_log(str(layout.log(job_id, attempt)))
    is_same = attempt == place.attempt
    expected = offset = place.offset if is_same else last_lines(parts, lines)
    if not is_same:
        sink.begin(attempt)
        if is_far(parts, offset):
            sink.say(FAR)
    while (piece := read(parts, offset, CHUNK_BYTES)).data:
        sink.write(piece.offset, piece.offset - expected, piece.data)
        expected = offset = piece.offset + len(piece.data)
    return True
