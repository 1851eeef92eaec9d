"""Files, labels and names that cannot be used: what the error says."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.unit.trainers.probes.data import Arrays, gaussian_classes, write_hdf5
from trainers.common.errors import BadInput
from trainers.probes.layer_runs import LayerRun, find_layer_runs
from trainers.probes.reading.hdf5 import open_activations
from trainers.probes.reading.labels import read_names, read_targets
from trainers.probes.results.fingerprint import digest


@pytest.fixture
def arrays() -> Arrays:
    return gaussian_classes()


def test_a_missing_group_is_named_with_what_is_there(tmp_path: Path, arrays: Arrays) -> None:
    del arrays["val"]
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with pytest.raises(BadInput, match="no group 'val' in /; it holds test, train"):
        open_activations(path)


def test_a_missing_dataset_is_named(tmp_path: Path, arrays: Arrays) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with h5py.File(path, "a") as file:
        del file["test/labels"]
    with pytest.raises(BadInput, match="no dataset 'labels' in /test; it holds activations"):
        open_activations(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train/labels", np.zeros(7, int), r"/train/labels has shape \(7,\), must be \[90\]"),
        (
            "val/activations",
            np.zeros((60, 3), "f4"),
            "/val/activations has 3 features, /train/activations has 8",
        ),
        ("test/activations", np.zeros((60, 8), int), "holds int64, must be float16, float32 or float64"),
        ("test/activations", np.zeros(60, "f4"), r"shape \(60,\), must be \[examples, features\]"),
        ("val/activations", np.zeros((0, 8), "f4"), "/val/activations is empty; every split needs examples"),
        ("val/labels", np.zeros(60, "f4"), "/val/labels holds float32, must be integers"),
        ("val/labels", np.zeros((60, 4), int), r"labels of val have shape \(60, 4\), of train \(90,\)"),
    ],
)
def test_shapes_and_types_that_do_not_fit(
    tmp_path: Path, arrays: Arrays, name: str, value: np.ndarray, message: str
) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value
    with pytest.raises(BadInput, match=message):
        open_activations(path)


def test_truncated_and_foreign_files_and_none(tmp_path: Path, arrays: Arrays) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="truncated or not an HDF5 file"):
        open_activations(path)
    path.write_bytes(b"not HDF5")
    with pytest.raises(BadInput, match="truncated or not an HDF5 file"):
        open_activations(path)
    with pytest.raises(BadInput, match="no such file"):
        open_activations(tmp_path / "none.h5")


def test_labels_outside_the_names(tmp_path: Path, arrays: Arrays) -> None:
    file = open_activations(write_hdf5(tmp_path / "data.h5", arrays))
    first = int(np.flatnonzero(arrays["train"][1] == 3)[0])
    with pytest.raises(
        BadInput, match=rf"labels outside 0 to 2 \(3 class names\), the first is 3 in row {first}"
    ):
        read_targets(file, ["a", "b", "c"])


@pytest.mark.parametrize("negative", [False, True])
def test_multi_label_targets_hold_only_0_and_1(tmp_path: Path, arrays: Arrays, negative: bool) -> None:
    wide = {name: (x, np.tile([0, 1, 1], (len(x), 1))) for name, (x, _) in arrays.items()}
    wide["val"][1][4, 2] = -1 if negative else 2
    file = open_activations(write_hdf5(tmp_path / "data.h5", wide))
    with pytest.raises(BadInput, match=r"val/labels: 1 values other than 0 and 1, the first is .* in row 4"):
        read_targets(file)


def test_multi_label_targets_need_a_name_each(tmp_path: Path, arrays: Arrays) -> None:
    wide = {name: (x, np.eye(4, dtype=int)[labels]) for name, (x, labels) in arrays.items()}
    file = open_activations(write_hdf5(tmp_path / "data.h5", wide))
    with pytest.raises(BadInput, match="train/labels has 4 columns for 2 class names"):
        read_targets(file, ["a", "b"])
    targets = read_targets(file)
    assert targets.names == ["class_0", "class_1", "class_2", "class_3"]
    assert np.array_equal(targets.splits["train"].numpy(), wide["train"][1])


def test_classes_without_both_kinds_of_example_are_not_scoreable(tmp_path: Path, arrays: Arrays) -> None:
    x, labels = arrays["val"]
    arrays["val"] = (x, np.where(labels == 2, 1, labels))
    targets = read_targets(open_activations(write_hdf5(tmp_path / "data.h5", arrays)), list("abcd"))
    assert targets.unscoreable == {"c": "no positive example in split 'val'"}
    assert targets.trainable == [0, 1, 3]


@pytest.mark.parametrize("kind", ["attribute", "dataset"])
def test_names_come_from_the_file(tmp_path: Path, arrays: Arrays, kind: str) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    names = ["plan", "say", "höre", "do"]
    with h5py.File(path, "a") as file:
        if kind == "attribute":
            file.attrs["actions"] = names
        else:
            file["class_names"] = names
    file_read = open_activations(path)
    assert read_targets(file_read).names == names
    assert read_targets(file_read, list("abcd")).names == list("abcd")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b\x1b[31m"], "cannot be part of a file name"),
        (["a", "b" * 201], "is longer than 200 bytes"),
        (["a", "ä" * 101], "is longer than 200 bytes"),
        (["a", "b\udcff"], "is not UTF-8"),
        (["a", "b/c"], "class name 'b/c' cannot be part of a file name"),
        (["a", "..", "c"], "class name '..' cannot be part of a file name"),
        (["a", "b", "A", "d"], "class name 'A' appears twice"),
    ],
)
def test_names_that_cannot_be_files(tmp_path: Path, arrays: Arrays, names: list[str], message: str) -> None:
    file = open_activations(write_hdf5(tmp_path / "data.h5", arrays))
    with pytest.raises(BadInput, match=message):
        read_targets(file, names)


def test_name_files(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("one\n\n two words \n", encoding="utf-8")
    assert read_names(path) == ["one", "two words"]
    path.write_text("one\r\ntwo\r\n", encoding="utf-8-sig")
    assert read_names(path) == ["one", "two"]
    path.write_text("\n")
    with pytest.raises(BadInput, match="holds no class name"):
        read_names(path)
    with pytest.raises(BadInput, match="cannot read class names"):
        read_names(tmp_path / "none.txt")


def test_layers_are_found_in_groups_templates_and_directories(tmp_path: Path, arrays: Arrays) -> None:
    out = tmp_path / "out"
    grouped = tmp_path / "grouped.h5"
    for layer in ("3", "27"):
        write_hdf5(grouped, arrays, group=f"layer_{layer}")
    assert find_layer_runs([str(grouped)], ["3", "27"], out) == [
        LayerRun(grouped, "/layer_3", "3", out / "layer_3"),
        LayerRun(grouped, "/layer_27", "27", out / "layer_27"),
    ]
    folder = tmp_path / "layers"
    folder.mkdir()
    for name in ("layer_7.h5", "layer_17.h5", "notes.txt"):
        (folder / name).touch()
    template = str(folder / "layer_{layer}.h5")
    expected = [LayerRun(folder / "layer_7.h5", "/", "7", out)]
    assert find_layer_runs([template], ["7"], out) == expected
    assert find_layer_runs([str(folder)], ["7"], out) == expected
    assert [each.output.name for each in find_layer_runs([str(folder)], [], out)] == ["layer_17", "layer_7"]
    assert find_layer_runs([template], ["7", "7"], out) == expected
    single = write_hdf5(tmp_path / "single.h5", arrays)
    assert find_layer_runs([str(single)], ["27"], out) == [LayerRun(single, "/", "27", out)]


@pytest.mark.parametrize(
    ("stem", "layers"),
    [
        ("layer_27", {"27"}),
        ("model7b_layer_27", {"27"}),
        ("Layer-007_v2", {"7"}),
        ("qwen3_acts-012", {"12"}),
        ("L27_resid", {"27"}),
        ("acts_final", {"final"}),
    ],
)
def test_the_layer_in_a_name(tmp_path: Path, stem: str, layers: set[str]) -> None:
    path = tmp_path / f"{stem}.h5"
    path.touch()
    for layer in ("2", "3", "7", "12", "27", "final"):
        if layer in layers:
            assert find_layer_runs([str(tmp_path)], [layer], tmp_path)[0].path == path
        else:
            with pytest.raises(BadInput, match="found none"):
                find_layer_runs([str(tmp_path)], [layer], tmp_path)


def test_a_layer_that_is_no_group(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["layer_3"] = np.zeros(3)
    with pytest.raises(BadInput, match="no group 'layer_3' in /; it holds layer_3"):
        open_activations(tmp_path / "data.h5", "/layer_3")


@pytest.mark.parametrize("place", range(24, 4000, 97))
def test_damage_is_told_as_such(tmp_path: Path, arrays: Arrays, place: int) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays, chunks=(10, 8), compression="gzip")
    content = bytearray(path.read_bytes())
    content[place : place + 16] = b"\xff" * 16
    path.write_bytes(content)
    try:
        file = open_activations(path)
        read_targets(file)
        assert digest(file)
    except BadInput as error:
        assert str(path) in str(error)


def test_labels_that_would_make_millions_of_classes(tmp_path: Path, arrays: Arrays) -> None:
    arrays["train"][1][5] = 2**31
    file = open_activations(write_hdf5(tmp_path / "data.h5", arrays))
    with pytest.raises(BadInput, match="2147483648 is the largest label and no class has a name"):
        read_targets(file)
    with pytest.raises(BadInput, match=r"1 labels outside 0 to 3 .* in row 5"):
        read_targets(file, list("abcd"))


@pytest.mark.parametrize("names", [np.array([[b"a", b"b"]]), h5py.Empty("S1")])
def test_names_in_the_file_that_are_no_list(tmp_path: Path, arrays: Arrays, names: object) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with h5py.File(path, "a") as file:
        file.attrs["actions"] = names
    with pytest.raises(BadInput, match="'actions' must be a list of class names"):
        open_activations(path)


def test_names_in_the_file_that_are_no_text(tmp_path: Path, arrays: Arrays) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with h5py.File(path, "a") as file:
        file.attrs["actions"] = np.array([b"a", b"b\xff", b"c", b"d"])
    with pytest.raises(BadInput, match="is not UTF-8"):
        read_targets(open_activations(path))


def test_layers_that_are_not_there(tmp_path: Path, arrays: Arrays) -> None:
    grouped = write_hdf5(tmp_path / "grouped.h5", arrays, group="layer_3")
    with pytest.raises(BadInput, match="no group 'layer_4'; it holds layer_3"):
        find_layer_runs([str(grouped)], ["4"], tmp_path)
    with pytest.raises(BadInput, match="one file must be of layer 5, found none"):
        find_layer_runs([str(tmp_path)], ["5"], tmp_path)
    same = tmp_path / "other"
    same.mkdir()
    write_hdf5(same / "grouped.h5", arrays)
    with pytest.raises(BadInput, match="would share"):
        find_layer_runs([str(grouped), str(same / "grouped.h5")], [], tmp_path)


@pytest.mark.parametrize("missing", [1, 3])
def test_a_class_without_training_examples_is_not_scoreable_wherever_its_number_lies(
    tmp_path: Path, arrays: Arrays, missing: int
) -> None:
    x, labels = arrays["train"]
    arrays["train"] = (x, np.where(labels == missing, 0, labels))
    targets = read_targets(open_activations(write_hdf5(tmp_path / "data.h5", arrays)))
    assert targets.unscoreable == {f"class_{missing}": "no positive example in split 'train'"}
    assert targets.trainable == [index for index in range(4) if index != missing]


def test_one_column_of_class_numbers_is_no_column_of_a_class(tmp_path: Path, arrays: Arrays) -> None:
    columns = {name: (x, labels[:, None]) for name, (x, labels) in arrays.items()}
    file = open_activations(write_hdf5(tmp_path / "data.h5", columns))
    for names in (None, list("abcd")):
        with pytest.raises(
            BadInput, match=r"train/labels has shape \[90, 1\] and holds class numbers .* \[90\] is wanted"
        ):
            read_targets(file, names)


def test_labels_that_were_never_written_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    path = write_hdf5(tmp_path / "data.h5", arrays)
    with h5py.File(path, "a") as file:
        del file["val/labels"]
        file.create_dataset("val/labels", (60,), int, chunks=(30,))
    with pytest.raises(BadInput, match="/val/labels: 2 of its 2 chunks were never written"):
        open_activations(path)
