"""TensorBoard's event files."""

from __future__ import annotations

import builtins
import struct
from pathlib import Path
from typing import Any

import pytest

from master.view.logged import event_files
from master.view.logged.event_files import NotInstalled, read_events

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def write(folder: Path, *summaries: Any) -> Path:
    """Write an event file of these summaries, one a step."""
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.out.tfevents.1700000000.host"
    with path.open("wb") as stream:
        records = RecordWriter(stream)
        records.write(Event(file_version="brain.Event:2", wall_time=1.0).SerializeToString())
        for step, summary in enumerate(summaries):
            event = Event(step=step, wall_time=float(step), summary=summary)
            records.write(event.SerializeToString())
    return path


def plain(**values: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def as_tensor(tag: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    return Summary(value=[Summary.Value(tag=tag, tensor=make_tensor_proto(value), metadata=metadata)])


def test_plain_values_and_tensors_are_read(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    write(
        tmp_path,
        plain(loss=0.5, f1=0.25),
        plain(loss=0.25),
        as_tensor("epoch_acc", 0.5),
        as_tensor("epoch_acc", 1.0),
    )
    assert read_events(tmp_path) == {"loss": [0.5, 0.25], "f1": [0.25], "epoch_acc": [0.5, 1.0]}


def test_more_steps_than_a_screen_has_are_all_read(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    write(tmp_path, *(plain(loss=float(step)) for step in range(3000)))
    assert len(read_events(tmp_path)["loss"]) == 3000


def test_hyperparameters_are_no_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.summary_pb2 import Summary

    value = Summary.Value(tag="_hparams_/session", simple_value=1.0)
    write(tmp_path, plain(loss=0.5), Summary(value=[value]))
    assert read_events(tmp_path) == {"loss": [0.5]}


@pytest.mark.parametrize("tail", [b"x", struct.pack("<Q", 1 << 60), b"\0" * 40])
def test_what_stands_before_the_damage_is_read(tmp_path: Path, tail: bytes) -> None:
    pytest.importorskip("tensorboard")
    path = write(tmp_path, plain(loss=0.5))
    path.write_bytes(path.read_bytes() + tail)
    assert read_events(tmp_path) == {"loss": [0.5]}


def test_files_that_are_too_large_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    write(tmp_path, plain(loss=0.5))
    monkeypatch.setattr(event_files, "MOST_BYTES", 8)
    with pytest.raises(ValueError, match="cannot be read: larger than"):
        read_events(tmp_path)


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotInstalled, match=r"pip install 'twophase\[tensorboard\]'"):
        read_events(tmp_path)
