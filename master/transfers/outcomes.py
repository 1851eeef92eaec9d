"""Outcomes of attempts that succeeded, on their way home."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master import steady_clock
from master.core.explaining.versions import family_of
from master.core.planning.identity import PARENT_FIELD
from master.core.planning.plan import BASE_MODELS, makes_base_model
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import IntegrityError, RemoteError, SessionLost, TwophaseError
from master.storage.base_model_store import is_directory_name, make_manifest
from master.storage.metrics_file import FILE as METRICS
from master.storage.metrics_file import base_metrics, metrics_json
from master.transfers.arrival import Arrival, bring_log
from master.transfers.home import Home
from master.transfers.patience import Patience
from master.transfers.published_attempt import find_published_attempt
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from master.transfers.result_record import attempt_record, without_record, write_record
from master.transfers.retry import may_pass, what_next
from worker_agent.protocol.digests import MANIFEST, content_hash, digest_directory, publish
from worker_agent.protocol.outcome import BaseModelLeft, Finished


def is_empty(finished: Finished) -> bool:
    """True for an outcome of which nothing is to be brought home."""
    return not (finished.files or finished.empty_folders or finished.log or finished.base_model)


@dataclass(frozen=True)
class Outcomes:
    """Fetches, verifies and publishes what attempts made, and tells what has come of it."""

    home: Home
    reporter: Reporter
    patience: Patience

    def collect(self, command: cmd.Collect, remote: Remote) -> bool:
        """Bring an outcome home; False where the link is gone and the command will be given again."""
        fault = False
        try:
            ours = self._persist(command, remote)
            if ours is not None:
                self.collected(command.job_id, *ours)
            return ours is not None
        except (TwophaseError, FileExistsError) as error:
            problem, fault = str(error), isinstance(error, (IntegrityError, RemoteError))
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            problem = f"{type(error).__name__}: {error}"
        self.reporter.event(ev.CollectionFailed, command.job_id, command.attempt, problem, fault)
        return True

    def collected(self, job_id: str, attempt: int, found: str) -> None:
        """Tell that an outcome is home: nobody needs the job's checkpoints any more."""
        self.home.drop_checkpoints(job_id)
        self.reporter.event(ev.Collected, job_id, attempt, found)

    def _persist(self, command: cmd.Collect, remote: Remote) -> tuple[int, str] | None:
        """Repeat what the network or the disk may spoil; return attempt and content hash of what is home.

        A full disk is waited for, wrong bytes and a worker's refusals are borne only so often.  Returns None
        when the link is gone.
        """
        pauses_s, tries = self.patience.pauses.growing_s(), Counter[type[BaseException]]()
        while not self.patience.closing.is_set():
            try:
                return command.attempt, self._bring_home(Arrival.of(self.home.layout, remote, command))
            except FileExistsError:
                if ours := find_published_attempt(self.home.layout.result(command.job_id), command.others):
                    return ours
                raise
            except SessionLost:
                if not remote.connected:
                    return None
            except (IntegrityError, RemoteError, OSError) as error:
                tries[type(error)] += 1
                if not may_pass(error, tries[type(error)]):
                    raise
                told = f"cannot be brought home, will try again: {error}{what_next(error)}"
                self.reporter.note(f"{command.job_id}: {told}")
            self.patience.closing.wait(next(pauses_s))
        return None

    def _bring_home(self, arrival: Arrival) -> str:
        """Fetch, verify and publish all parts of an outcome; return its content hash."""
        try:
            bring_log(arrival)
        except IntegrityError as error:
            self.reporter.note(f"{arrival.job_id}: the log of attempt {arrival.attempt} is lost: {error}")
        found = ""
        if arrival.finished.files or arrival.finished.empty_folders:
            found = self._bring_files(arrival)
        if makes_base_model(arrival.job_id) and not arrival.finished.base_model:
            raise IntegrityError(f"{arrival.remote.name} says that it succeeded, and has no base model of it")
        if arrival.finished.base_model:
            found = self._bring_base_model(arrival, arrival.finished.base_model)
        arrival.clear()
        return found

    def _bring_files(self, arrival: Arrival) -> str:
        files = arrival.finished.files
        final = self.home.layout.result(arrival.job_id)
        if makes_base_model(arrival.job_id):
            final = self.home.layout.phase1_output(*arrival.key)
        names, found = [file.path for file in files], content_hash(files)
        if final.exists():
            if content_hash(without_record(digest_directory(final), names)) == found:
                return found
            raise FileExistsError(f"{final} exists already and is not written over; move it away")
        staged = arrival.stage("output", files, lambda: Path(arrival.remote.attempt(*arrival.key).output))
        write_record(staged, names, {**self._record(arrival), "content_hash": found})
        publish(staged, final)
        if problem := metrics_json(final)[1] if METRICS in names else "":
            self.reporter.note(f"{arrival.job_id}: {problem}: its figures are in no table")
        return found

    def _record(self, arrival: Arrival) -> dict[str, Any]:
        known = self.home.describe(*arrival.key)
        return attempt_record(*arrival.key, known, arrival.finished, arrival.remote.facts)

    def _bring_base_model(self, arrival: Arrival, made: BaseModelLeft) -> str:
        found, worker = made.content_hash, arrival.remote.name
        reserved = any(item.path == MANIFEST for item in made.files)
        if reserved or content_hash(made.files) != found or not is_directory_name(made.name):
            raise IntegrityError(f"what {worker} says of the base model cannot be: {made!r:.300}")
        staged = arrival.fetch("base_model", arrival.remote.layout.cached(found), made.files)
        spec_hash = arrival.job_id.removeprefix(f"{BASE_MODELS}/")
        config = self.home.identity_of(spec_hash)
        manifest = make_manifest(
            spec_hash,
            config,
            made,
            parent=config.get(PARENT_FIELD),
            family=family_of(config, self.home.identity_of),
            metrics=base_metrics(staged),
            duration_seconds=arrival.finished.duration_s,
            worker=worker,
            trained_at=arrival.finished.started_at,
            stored_at=steady_clock.now(),
            **self._origin_of(arrival),
        )
        self.home.store.add(staged, manifest)
        self.home.library.hold(spec_hash, found, self.home.store.path(spec_hash), made.name)
        return found

    def _origin_of(self, arrival: Arrival) -> dict[str, Any]:
        """Return what the manifest of a base model says of what made it, beside when and where."""
        known, facts = self.home.describe(*arrival.key), arrival.remote.facts
        return {
            **({"code": known.code.record.as_json()} if known.code else {}),
            **known.facts.rung,
            "run_id": known.run_id,
            "epoch": known.epoch,
            "attempt": arrival.attempt,
            "executor": arrival.finished.executor,
            "machine": {
                **arrival.remote.machine,
                "slot": arrival.finished.slot,
                "gpus": arrival.remote.gpus_of(arrival.finished.slot),
                "peak_rss_bytes": arrival.finished.peak_rss_bytes,
                "peak_gpu_bytes": arrival.finished.peak_gpu_bytes,
            },
            **{name: facts.get(name) for name in ("python", "torch")},
        }
