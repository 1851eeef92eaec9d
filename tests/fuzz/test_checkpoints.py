"""Saved models, states of trainings and participants: altered and damaged, each is used or refused."""

from __future__ import annotations

import copy
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.examples import tried
from tests.fuzz.from_types import HOSTILE
from tests.fuzz.mutations import Content, mutated
from tests.unit.trainers.personalization.test_base_model import OPTIONS, SPEC, trained
from tests.unit.trainers.sae.data import sae
from tests.unit.trainers.tabular.results.saved_models import rows, saved_model
from trainers.common.errors import TrainerError
from trainers.common.files import write_tensors
from trainers.personalization import base_model
from trainers.personalization.data import Source, Windows
from trainers.personalization.fitting.checkpoints import resume, save
from trainers.personalization.fitting.courses import CheckpointPlan, Schedule, Trainee
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.recipe.rungs import going_on, origin
from trainers.personalization.recipe.starting import Place
from trainers.personalization.sampling import training_set
from trainers.probes.fitting.modules import new_module
from trainers.probes.results.probe_file import checkpoint, load_probe
from trainers.probes.settings import Settings
from trainers.sae.checkpoints import Checkpoints
from trainers.sae.files.loading import load_sae
from trainers.sae.files.saelens import write_saelens
from trainers.sae.files.seed import write_seed
from trainers.sae.files.sparsify import write_sparsify
from trainers.tabular.results.saved import save_model
from trainers.tabular.results.surrogate import Surrogate
from trainers.tabular.training.checkpoints import Checkpoint
from trainers.tabular.training.courses import Course

X_BD = torch.randn(4, 12, generator=torch.Generator().manual_seed(0))
FEW_WINDOWS = training_set(Windows(torch.zeros(4, 2, 8), torch.tensor([0, 1, 0, 1])), None, 2)


@dataclass(frozen=True)
class Kind:
    """A thing on disk."""

    write: Callable[[Path], object]
    use: Callable[[Path], object]
    """Reads it and works with it."""


def _use_base_model(folder: Path) -> None:
    model = base_model.read(folder, OPTIONS)
    base_model.check_shape(folder, model, SPEC)
    network = SPEC.build()
    base_model.load_weights(folder, model, 0, network)
    assert isinstance(model.epochs, int) and model.has_statistics in (True, False)


def _write_base_model(folder: Path) -> None:
    network, progress = trained(0)
    base_model.write(folder, OPTIONS, SPEC, [network], [progress])


def _resume(folder: Path) -> None:
    network = SPEC.build()
    plan = CheckpointPlan(folder / "training_state.pt", 1, {"seed": 1})
    resume(plan, network, Moments.of(network))


def _write_state(folder: Path) -> None:
    network, progress = trained(0)
    save(CheckpointPlan(folder / "training_state.pt", 1, {"seed": 1}), network, Moments.of(network), progress)


def _write_rung(folder: Path) -> None:
    _write_base_model(folder)
    network, progress = trained(0)
    moments = Moments.of(network)
    moments.steps = progress.epoch * FEW_WINDOWS.n_batches
    job = {**base_model.config(OPTIONS, SPEC), "schedule_epochs": OPTIONS.horizon}
    del job["epochs"]
    save(CheckpointPlan(folder / "training_state.pt", 0, job), network, moments, progress)


def _go_on(folder: Path) -> None:
    told = io.StringIO()
    place = Place(
        *(torch.device("cpu"), folder / "made", None, folder, None, Path(), told, told),
        resume_model_dir=folder,
    )
    training = Trainee(SPEC.build(), FEW_WINDOWS, None, Schedule("base", 5, 5, 1e-3, 0, None), print)
    config = base_model.config(OPTIONS, SPEC)
    (one,) = going_on([training], origin(OPTIONS, place), OPTIONS, config)
    assert one.past is None or one.past.progress.epoch <= 5


def _write_probe(folder: Path) -> None:
    settings = Settings(model_type="multihead", hidden_dim=8)
    module = new_module(settings, 12)
    write_tensors(folder / "probe.pth", checkpoint(settings, module.state_dict(), {"action": "run"}))


def _write_dictionary(folder: Path) -> None:
    parameters = sae("topk").parameters
    saved = {
        "encoder.weight": parameters["W_enc"],
        "encoder.bias": parameters["b_enc"],
        "decoder.weight": parameters["W_dec"].t().contiguous(),
        "b_dec": parameters["b_dec"],
        "k": torch.tensor(2),
    }
    write_tensors(folder / "ae.pt", saved)
    (folder / "config.json").write_text(json.dumps({"trainer": {"dict_class": "AutoEncoderTopK", "k": 2}}))


def _write_saelens(folder: Path) -> None:
    one = sae("jumprelu")
    write_saelens(folder, one, torch.ones(one.form.n_latents))


KINDS: dict[str, Kind] = {
    "participants": Kind(
        lambda folder: torch.save((torch.zeros(3, 2, 4), torch.tensor([0, 1, 1])), folder / "a_train.pt"),
        lambda folder: Source(folder, 4, 2).load("a", "train"),
    ),
    "base model": Kind(_write_base_model, _use_base_model),
    "state of fine-tuning": Kind(_write_state, _resume),
    "state of fewer epochs": Kind(_write_rung, _go_on),
    "probe": Kind(_write_probe, lambda folder: load_probe(folder / "probe.pth")(X_BD)),
    "state of an autoencoder": Kind(
        lambda folder: Checkpoints(folder, {"seed": 1}).write_state({"step": 1, "weights": {"W": X_BD}}),
        lambda folder: Checkpoints(folder, {"seed": 1}).state(),
    ),
    "state of models of tables": Kind(
        lambda folder: _table_state(folder).between(), lambda folder: _table_state(folder)
    ),
    "our autoencoder": Kind(
        lambda folder: write_seed(folder, "sae_layer_1", sae("jumprelu")),
        lambda folder: load_sae(folder).reconstruct(X_BD),
    ),
    "SAELens": Kind(_write_saelens, lambda folder: load_sae(folder).reconstruct(X_BD)),
    "sparsify": Kind(
        lambda folder: write_sparsify(folder, 1, sae("topk")),
        lambda folder: load_sae(folder).reconstruct(X_BD),
    ),
    "dictionary_learning": Kind(_write_dictionary, lambda folder: load_sae(folder).reconstruct(X_BD)),
    "model of tables": Kind(
        lambda folder: save_model(folder, saved_model()),
        lambda folder: Surrogate.load(folder).members(rows(3, 5)),
    ),
}


def _table_state(folder: Path) -> Checkpoint:
    found = Checkpoint(folder / "state.pt", {"seed": 1}, 0.0)
    found.finished(0, found.done.get(0) or Course())
    return found


@lru_cache(maxsize=len(KINDS))
def sound(name: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        KINDS[name].write(folder)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".md"
        }


def used_or_refused(name: str, files: dict[str, bytes]) -> bool:
    with tempfile.TemporaryDirectory() as made:
        for relative, content in files.items():
            path = Path(made, relative)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            KINDS[name].use(Path(made))
        except (TrainerError, FileNotFoundError) as error:
            assert str(error)
            return False
    return True


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_is_used(name: str) -> None:
    assert used_or_refused(name, sound(name))


@pytest.mark.parametrize("name", KINDS)
def test_damaged_bytes_are_used_or_refused(name: str) -> None:
    files = sound(name)

    @tried(12)
    @given(
        st.sampled_from(sorted(files)).flatmap(lambda path: st.tuples(st.just(path), mutated(files[path])))
    )
    def check(change: tuple[str, bytes]) -> None:
        used_or_refused(name, {**files, change[0]: change[1]})

    check()


TENSORS = (
    torch.zeros(0),
    torch.zeros(1).expand(7, 7),
    torch.tensor(3),
    torch.full((2, 2), float("nan")),
    torch.zeros(3, 2, dtype=torch.complex64),
    torch.zeros(12, 12, dtype=torch.float64),
    torch.ones(5, dtype=torch.bool),
)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


@st.composite
def altered(draw: st.DrawFn, content: bytes, is_json: bool) -> bytes:
    value = json.loads(content) if is_json else torch.load(io.BytesIO(content))
    value = copy.deepcopy(list(value) if isinstance(value, tuple) else value)
    container, key = draw(st.sampled_from(list(_places(value))))
    if draw(st.integers(0, 3)) == 0:
        del container[key]
    else:
        container[key] = draw(st.sampled_from(HOSTILE if is_json else (*_PLAIN, *TENSORS)))
    if is_json:
        return json.dumps(value).encode()
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return Content(buffer.getvalue())


_PLAIN = tuple(item for item in HOSTILE if not isinstance(item, str) or (len(item) < 1000 and item.isascii()))
READ = {
    "base model": ("best_base_model.pt", "base_losses.json"),
    "state of fewer epochs": ("training_state.pt", "base_config.json"),
}
"""Of what a reader looks at not every file, those that it reads."""
ALTERABLE = [
    (name, path)
    for name in KINDS
    for path in READ.get(name, sound(name))
    if Path(path).suffix in (".pt", ".pth", ".json")
]


@pytest.mark.parametrize(("name", "path"), ALTERABLE, ids=[f"{name}, {path}" for name, path in ALTERABLE])
def test_altered_values_are_used_or_refused(name: str, path: str) -> None:
    files = sound(name)

    @tried(25)
    @given(altered(files[path], path.endswith(".json")))
    def check(content: bytes) -> None:
        used_or_refused(name, {**files, path: content})

    check()
