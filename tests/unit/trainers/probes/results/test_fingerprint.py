"""What results came from changes with settings, names and data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.trainers.probes.data import gaussian_classes, write_hdf5
from trainers.probes.reading.hdf5 import open_activations
from trainers.probes.reading.labels import read_targets
from trainers.probes.results.fingerprint import digest, fingerprint
from trainers.probes.settings import Settings


def test_it_holds_settings_names_layer_and_data(tmp_path: Path) -> None:
    file = open_activations(write_hdf5(tmp_path / "a.h5", gaussian_classes()))
    targets, settings = read_targets(file), Settings()
    found = fingerprint(file, targets, settings, "7")
    assert found == fingerprint(file, targets, settings, "7")
    assert found["actions"] == targets.names and found["layer"] == "7" and found["epochs"] == settings.epochs
    assert found != fingerprint(file, targets, replace(settings, epochs=9), "7")
    assert found != fingerprint(file, read_targets(file, ["a", "b", "c", "d"]), settings, "7")


def test_data_are_known_wherever_they_lie(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.h5", "b.h5", "c.h5")]
    digests = [
        digest(open_activations(write_hdf5(path, gaussian_classes(seed))))
        for path, seed in zip(files, (1, 1, 2), strict=True)
    ]
    assert digests[0] == digests[1] != digests[2]
