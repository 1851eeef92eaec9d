"""What the user sees while probes train."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import torch

from trainers.probes.fitting.metrics import Scores
from trainers.probes.reading.inputs import Standardisation
from trainers.probes.reading.labels import Targets
from trainers.probes.results.report import (
    AVERAGES,
    averages_of,
    baseline_lines,
    constant_note,
    failure_line,
    print_summary,
    probe_line,
    rare_notes,
)

SCORES = Scores(0.9, 0.8, 0.7, 0.75, 0.95, 0.85, {})
AGGREGATE: dict[str, Any] = {
    **dict.fromkeys(AVERAGES, 0.5),
    "per_action_metrics": [{"action": "walk", "auc_roc": 0.8}],
    "total_training_time_seconds": 90,
    "not_scoreable": [{"action": "sit", "reason": "no positive example in split 'test'"}],
}


def test_a_probe_that_is_done_has_a_line_with_its_place() -> None:
    line = probe_line(3, 120, "walk", SCORES, 90.0)
    assert line.startswith("[003/120] ✓ walk ") and line.endswith("| ETA: 1.5m")
    assert "AUC: 0.9500 | F1: 0.7500 | Acc: 0.9000" in line
    assert failure_line("walk", "why").endswith("| why")


def test_classes_with_next_to_no_positives_are_named() -> None:
    labels = torch.zeros(20, 3, dtype=torch.uint8)
    labels[:6, 0], labels[:1, 1] = 1, 1
    targets = Targets(["often", "once", "never"], {"test": labels}, {"never": "no positive example"})
    assert rare_notes(targets) == ["note: once: 1 positive example in test; its figures are mostly chance"]


def test_nothing_is_said_of_inputs_that_are_taken_raw() -> None:
    assert constant_note(None) == []


def test_constant_activations_are_counted() -> None:
    by = Standardisation(torch.zeros(3), torch.tensor([1.0, 0.0, 0.0]))
    assert constant_note(by) == ["note: 2 of 3 activations are constant in train; no probe uses them"]
    assert constant_note(replace(by, inverse_D=torch.ones(3))) == []


def summary(**changes: Any) -> str:
    stream = io.StringIO()
    print_summary({**AGGREGATE, **changes}, stream)
    return stream.getvalue()


def test_the_summary_has_all_averages_and_what_could_not_be_scored() -> None:
    shown = summary(average_f1=None)
    assert "Average AUC-ROC:   0.5000" in shown and "Average F1:        none" in shown
    assert "Total training time: 1.5 minutes\nAverage time per probe: 90.0 seconds" in shown
    assert "Total training time: 4.2 seconds\n" in summary(total_training_time_seconds=4.2)
    assert "Not scoreable: sit: no positive example in split 'test'" in shown
    assert "Baseline" not in shown


def test_a_layer_without_a_probe_has_a_summary_too() -> None:
    assert "Average time per probe: 90.0 seconds" in summary(per_action_metrics=[])


def test_it_is_said_how_many_probes_the_exact_solver_beats() -> None:
    probes = [
        {"action": name, "auc_roc": auc, "baseline": {"exact": {"auc_roc": 0.8}}}
        for name, auc in (("walk", 0.7), ("sit", 0.9))
    ]
    found = baseline_lines({"baseline": {"exact": {"auc": 0.8, "f1": None}}, "per_action_metrics": probes})
    assert found == ["Baseline exact: auc 0.8000", "Below the exact solver's AUC: 1 of 2 probes"]


def test_probes_without_a_figure_are_left_out_of_its_mean() -> None:
    found = averages_of([{"auc_roc": 0.5, "f1": None}, {"auc_roc": 1.0}])
    assert (found["average_auc_roc"], found["average_f1"], found["average_recall"]) == (0.75, None, None)
