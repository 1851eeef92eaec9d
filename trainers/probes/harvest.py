"""Probes as they finish: scored, written, and told of."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from trainers.probes.fitting.baseline import Baseline, average_baselines
from trainers.probes.fitting.metrics import Scores, mean
from trainers.probes.fitting.scoring import Scorer
from trainers.probes.reading.labels import Targets
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.results.history import history_of
from trainers.probes.results.outputs import ResultDirectory
from trainers.probes.results.probe_file import checkpoint, metadata_of
from trainers.probes.results.report import averages_of, failure_line, probe_line
from trainers.probes.settings import Settings
from worker_agent.protocol.script_contract import ScriptContract


@dataclass(frozen=True)
class Job:
    """Whose probes they are."""

    layer: str | None
    """As the user named it."""
    contract: ScriptContract | None
    told: TextIO


class Harvest:
    """What training brings of the probes of one layer."""

    def __init__(self, results: ResultDirectory, targets: Targets, settings: Settings, job: Job) -> None:
        self._results, self._targets, self._settings, self._job = results, targets, settings, job
        self._failed = dict(targets.unscoreable)

    def begin(self, layer: Layer, baseline: Baseline | None) -> None:
        """Get ready to score on the test split of the layer."""
        self._scorer, self._baseline = Scorer(layer, self._settings), baseline
        self._started = time.perf_counter()
        self._ready = len(self._results.finished(self._targets.names))

    def take(self, done: int, total: int, finished: list[Trained]) -> None:
        """Score and write the probes that finished by step `done` of `total`."""
        eta = (time.perf_counter() - self._started) / max(done, 1) * (total - done)
        for trained, scores in self._scorer.score([one for one in finished if one.chosen.best_epoch]):
            self._ready += 1
            self._save(trained, scores, self._baseline.of(trained.probe) if self._baseline else {})
            name = self._targets.names[trained.probe]
            self._print(probe_line(self._ready, len(self._targets.trainable), name, scores, eta))
        self._note_diverged(finished)
        self._report_progress(done, total, finished)

    def figures(self) -> dict[str, Any]:
        """Return the averages over all probes that are finished, and what there is of each."""
        finished = self._results.finished(self._targets.names)
        per_action = [self._results.load_metrics(name) for name in finished]
        for metrics in per_action:
            metrics.pop("history", None)
        return {
            **averages_of(per_action),
            **average_baselines(per_action),
            "not_scoreable": [{"action": name, "reason": reason} for name, reason in self._failed.items()],
            "per_action_metrics": per_action,
        }

    def _print(self, line: str) -> None:
        print(line, file=self._job.told, flush=True)

    def _save(self, trained: Trained, scores: Scores, baseline: dict[str, Any]) -> None:
        name = self._targets.names[trained.probe]
        metrics = {
            "action": name,
            **asdict(scores),
            "val_auc": trained.chosen.val_auc,
            "best_epoch": trained.chosen.best_epoch,
            "stop_epoch": trained.chosen.stop_epoch,
            "hyperparameters": trained.chosen.variant,
            "variants": [{**one.variant, **_without_variant(asdict(one))} for one in trained.results],
            **({"solver": trained.solver} if trained.solver else {}),
            **baseline,
            "history": history_of(trained, self._settings),
        }
        metadata = metadata_of(name, self._job.layer, trained)
        self._results.save(name, checkpoint(self._settings, trained.state, metadata), metrics)

    def _note_diverged(self, finished: list[Trained]) -> None:
        for trained in finished:
            if not trained.chosen.best_epoch:
                name = self._targets.names[trained.probe]
                self._failed[name] = "diverged: no epoch gave a finite validation AUC; lower --lr"
                self._print(failure_line(name, self._failed[name]))

    def _report_progress(self, done: int, total: int, finished: list[Trained]) -> None:
        if self._job.contract is None:
            return
        auc = mean([trained.chosen.val_auc for trained in finished if trained.chosen.best_epoch])
        self._job.contract.report_progress(done, total, **({} if auc is None else {"val_auc": auc}))


def _without_variant(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "variant"}
