"""Which files and groups the layers of a command are in."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from trainers.common.errors import BadInput
from trainers.probes.layer_runs import LayerRun, find_layer_runs

OUT = Path("out")


def files(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


def grouped(path: Path, *groups: str) -> str:
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)
    return str(path)


def test_one_file_is_one_layer_whose_results_have_the_folder_for_themselves(tmp_path: Path) -> None:
    (name,) = files(tmp_path, "a.h5")
    assert find_layer_runs([name], [], OUT) == [LayerRun(Path(name), "/", None, OUT)]


def test_several_files_have_a_folder_each(tmp_path: Path) -> None:
    files(tmp_path, "a.h5", "b.hdf5", "notes.txt")
    found = find_layer_runs([str(tmp_path)], [], OUT)
    assert [(run.path.name, run.output) for run in found] == [("a.h5", OUT / "a"), ("b.hdf5", OUT / "b")]


def test_results_never_share_a_folder(tmp_path: Path) -> None:
    names = files(tmp_path, "a.h5", "a.hdf5")
    with pytest.raises(BadInput, match=r"would share out/a with another file's; rename one"):
        find_layer_runs(names, [], OUT)


def test_a_layer_is_put_into_a_path(tmp_path: Path) -> None:
    found = find_layer_runs([str(tmp_path / "l{layer}.h5")], ["3", "4", "3"], OUT)
    assert [(run.path.name, run.output) for run in found] == [
        ("l3.h5", OUT / "layer_3"),
        ("l4.h5", OUT / "layer_4"),
    ]


def test_layers_may_be_groups_of_a_file(tmp_path: Path) -> None:
    name = grouped(tmp_path / "a.h5", "layer_1", "layer_2")
    assert [run.group for run in find_layer_runs([name], ["1", "2"], OUT)] == ["/layer_1", "/layer_2"]
    with pytest.raises(BadInput, match="no group 'layer_3'; it holds layer_1, layer_2"):
        find_layer_runs([name], ["3"], OUT)


def test_a_file_without_groups_is_of_the_only_layer(tmp_path: Path) -> None:
    name = grouped(tmp_path / "a.h5", "train")
    (run,) = find_layer_runs([name], ["7"], OUT)
    assert (run.group, run.layer, run.output) == ("/", "7", OUT)
    with pytest.raises(BadInput, match="it holds no layer groups"):
        find_layer_runs([name], ["7", "8"], OUT)


@pytest.mark.parametrize(
    ("names", "layer", "chosen"),
    [
        (["run2_layer_1.h5", "run2_layer_12.h5"], "1", "run2_layer_1.h5"),
        (["v2_3.h5", "v2_4.h5"], "4", "v2_4.h5"),
        (["3rows.h5", "4rows.h5"], "3", "3rows.h5"),
        (["x_last.h5", "x_first.h5"], "last", "x_last.h5"),
        (["layer_01.h5", "layer_02.h5"], "1", "layer_01.h5"),
    ],
)
def test_in_a_folder_the_file_of_a_layer_is_known_by_its_name(
    tmp_path: Path, names: list[str], layer: str, chosen: str
) -> None:
    files(tmp_path, *names)
    (run,) = find_layer_runs([str(tmp_path)], [layer], OUT)
    assert run.path.name == chosen


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a_1.h5", "b_1.h5"], "one file must be of layer 1, found a_1.h5, b_1.h5"),
        (["a_2.h5"], "one file must be of layer 1, found none"),
        ([], "no HDF5 file"),
    ],
)
def test_a_folder_that_leaves_it_open_is_refused(tmp_path: Path, names: list[str], says: str) -> None:
    files(tmp_path, *names)
    with pytest.raises(BadInput, match=says):
        find_layer_runs([str(tmp_path)], ["1"], OUT)
