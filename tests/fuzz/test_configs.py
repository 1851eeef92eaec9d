"""Configs and jobs files, byte by byte and setting by setting: taken, or refused by the user's error."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from master.code.trainer_manifest import read_manifest
from master.core.planning.job_settings import JOB_SETTINGS
from master.errors import ConfigError
from master.intake.cluster import read_cluster
from master.intake.cluster_settings import SHARED_KEYS
from master.intake.jobs import read_jobs
from master.orchestrator.jobs_yaml import read_jobs_file
from tests.fuzz.examples import tried
from tests.fuzz.from_types import HOSTILE, altered
from tests.fuzz.mutations import mutated
from trainers.common.errors import TrainerError
from trainers.sae import settings as sae
from trainers.tabular import settings as tabular

CLUSTER = {
    "python": "~/env/bin/python",
    "servers": [{"host": "gpu01", "gpus": [0, 1]}, {"host": "h", "gpus": 0, "port": 22, "env": {"A": "b"}}],
    "data": {"data/x": "/scratch/x"},
    "setup": ["module load x"],
    "log_limit": "2 GB",
}
JOBS = {
    "defaults": {"lr": 0.1, "mode": "full_fine_tuning"},
    "base_model": {"include": ["seed"]},
    "grid": {"seed": [0, 1], "lr": [0.1, 1]},
    "zip": {"a": [1, 2], "b": ["x", "y"]},
    "jobs": [{"participants": ["anna", "bert", "carl"], "fold": 0, "resources": {"memory": "2 GB"}}],
}
TRAININGS = {"jobs": [{"name": "als", "script": "train_als.py", "args": {"epochs": 3}, "timeout": "1h"}]}
MANIFEST = json.loads((Path(__file__).parents[2] / "trainers" / "probes" / "manifest.json").read_text())


def trainer(path: Path) -> object:
    target = path.parent / "probes" / "manifest.json"
    for folder in (target.parent, path.parent / "common"):
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    target.write_bytes(path.read_bytes())
    return read_manifest(target.parent)


READERS: dict[str, tuple[str, Any, Callable[[Path], object]]] = {
    "cluster": ("cluster_config.json", CLUSTER, read_cluster),
    "cluster in YAML": ("cluster.yaml", CLUSTER, read_cluster),
    "jobs": ("jobs.json", JOBS, lambda path: read_jobs(path, code="c")),
    "jobs in YAML": ("jobs.yml", JOBS, lambda path: read_jobs(path, code="c")),
    "trainings": ("jobs.yaml", TRAININGS, lambda path: read_jobs_file(path, path.parent)),
    "a trainer's manifest": ("manifest.json", MANIFEST, trainer),
}


def read(name: str, content: bytes, reader: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "train_als.py").write_text("")
        Path(folder, name).write_bytes(content)
        try:
            reader(Path(folder, name))
        except ConfigError as error:
            text = str(error)
            assert text and len(text) < 20_000 and "\x1b" not in text
            text.encode()  # what is told can be printed


def written(name: str, value: Any) -> bytes:
    text = yaml.safe_dump(value, allow_unicode=False) if name.endswith("ml") else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("which", READERS)
def test_damaged_text_is_taken_or_refused(which: str) -> None:
    name, value, reader = READERS[which]

    @tried(40)
    @given(mutated(written(name, value)))
    def check(content: bytes) -> None:
        read(name, content, reader)

    check()


@pytest.mark.parametrize("which", READERS)
def test_other_values_are_taken_or_refused(which: str) -> None:
    name, value, reader = READERS[which]

    @tried(50)
    @given(altered(st.builds(lambda: json.loads(json.dumps(value)))))
    def check(body: Any) -> None:
        read(name, written(name, body), reader)

    check()


def test_what_is_read_is_sound_before_it_is_altered() -> None:
    for name, value, reader in READERS.values():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "train_als.py").write_text("")
            Path(folder, name).write_bytes(written(name, value))
            assert reader(Path(folder, name))


@pytest.mark.parametrize("key", [*SHARED_KEYS, "host", "user", "port", "gpus"])
def test_each_setting_of_workers_is_tried_with_everything(key: str) -> None:
    for value in HOSTILE:
        for body in ({"servers": [{"host": "a", key: value}]}, {"servers": [{"host": "a"}], key: value}):
            read("cluster_config.json", written(".json", body), read_cluster)


@pytest.mark.parametrize("key", [*(setting.name for setting in JOB_SETTINGS), "participants", "fold", "mode"])
def test_each_setting_of_jobs_is_tried_with_everything(key: str) -> None:
    for value in HOSTILE:
        for body in ([{"lr": 1, key: value}], {"grid": {"lr": [1], key: value}}, {"defaults": {key: value}}):
            read("jobs.json", written(".json", body), lambda path: read_jobs(path, code="c"))


@pytest.mark.parametrize("key", tabular.SETTINGS)
def test_each_setting_of_tables_is_tried_with_everything(key: str) -> None:
    for value in HOSTILE:
        _checked(lambda value=value: tabular.settings_of("recommended", {"targets": ("y",), key: value}))  # type: ignore[misc]


@pytest.mark.parametrize("key", sae.Settings.__dataclass_fields__)
def test_each_setting_of_autoencoders_is_tried_with_everything(key: str) -> None:
    for value in HOSTILE:
        _checked(lambda value=value: sae.settings_of(next(iter(sae.PRESETS)), {key: value}))  # type: ignore[misc]


def _checked(work: Callable[[], object]) -> None:
    try:
        work()
    except TrainerError as error:
        assert str(error)
