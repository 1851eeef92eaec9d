"""Which trainings there are: those that the journal knows, and those that were just handed over."""

from __future__ import annotations

from master.core.running.summary import JobRow
from master.web.api.errors import no_training
from master.web.api.trainings import Training
from master.web.run_watch import RunWatch


class Registry:
    """Trainings of one run."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch
        self._new: dict[str, Training] = {}
        """Handed over, and not in the picture of the run yet."""
        self._known: tuple[object, dict[str, Training]] = None, {}
        """Those of a picture of the run."""

    def add(self, training: Training) -> None:
        """Take in one that was handed over."""
        self._new[training.id] = training

    def all(self) -> dict[str, Training]:
        """Return all by their ids, in the order in which they were asked for."""
        model = self._watch.model
        if self._known[0] is not model:
            found = (Training.of(job_id, fields) for job_id, fields in model.fields.items())
            known = sorted((each for each in found if each), key=lambda each: each.created_at)
            self._known = model, {each.id: each for each in known}
            for training in known:
                self._new.pop(training.id, None)
        return {**self._known[1], **self._new}

    def find(self, job_id: str) -> Training:
        """Return a training by its id.  Raises Wrong."""
        found = self.all().get(job_id)
        if found is None:
            raise no_training(job_id)
        return found

    def row(self, training: Training) -> JobRow | None:
        """Return where its job stands; None while the journal does not know it."""
        model = self._watch.model
        return model.row(training.job_id) if training.job_id in model.jobs else None
