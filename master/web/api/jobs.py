"""Where trainings run: handed to a running master, cancelled there, and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from master.errors import UsageError
from master.runs.control.answers import PROGRESS
from master.runs.control.client import add_jobs, ask, order
from master.storage.run_layout import RunLayout
from master.web.api.errors import Wrong

TRAINER = "sae"
_WHY = "asked for over the API"


class Jobs(Protocol):
    """Jobs of the trainer `sae`, whoever runs them.  Its methods take their time; for any thread."""

    def submit(self, fields: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Hand a job over, with the content that travels to it.

        Once it returns the journal has it.  Raises Wrong and TwophaseError.
        """

    def cancel(self, job_id: str) -> str:
        """End a job for good and return what was done.  Raises TwophaseError."""

    def look(self, after: int) -> Mapping[str, Any] | None:
        """Return what attempts have said since a report; None where nobody listens to them.

        Raises TwophaseError.
        """


@dataclass(frozen=True)
class JobsOfRun:
    """Jobs of the run whose master works in a directory."""

    layout: RunLayout

    def submit(self, fields: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """See Jobs."""
        jobs = {"base_model": False, "jobs": [dict(fields)]}
        request = {"jobs": jobs, "trainer": TRAINER, "inputs": dict(inputs), "why": _WHY}
        try:
            reply = add_jobs(self.layout, request)
        except UsageError as error:
            raise Wrong(HTTPStatus.BAD_REQUEST, f"the run does not take it: {error}") from error
        if not reply["done"]:
            says = "; ".join(str(item["says"]) for item in reply["refused"])
            raise Wrong(HTTPStatus.CONFLICT, f"the run does not take it: {says or 'it says nothing of why'}")

    def cancel(self, job_id: str) -> str:
        """See Jobs."""
        reply = order(self.layout, "cancel", {"jobs": [job_id]}, _WHY)
        return "; ".join(str(item["says"]) for item in (*reply["done"], *reply["refused"]))

    def look(self, after: int) -> Mapping[str, Any] | None:
        """See Jobs."""
        return ask(self.layout, PROGRESS, str(after))
