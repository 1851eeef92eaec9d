"""Whose folder it is, and which forms an autoencoder has."""

from pathlib import Path

import pytest

from trainers.common.claims import claim
from trainers.common.errors import BadInput
from trainers.sae.outputs import CONFIG, check_exports, discard


def test_a_folder_belongs_to_one_training(tmp_path: Path) -> None:
    claim(tmp_path / CONFIG, {"k": 1}, {})
    claim(tmp_path / CONFIG, {"k": 1}, {})
    with pytest.raises(BadInput, match=r"other settings \(k was 1, is 2\); use --overwrite"):
        claim(tmp_path / CONFIG, {"k": 2}, {})
    discard(tmp_path, tmp_path)
    claim(tmp_path / CONFIG, {"k": 2}, {})
    (tmp_path / "step_00000001.pt").touch()
    discard(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == [] and not (tmp_path / CONFIG).exists()


@pytest.mark.parametrize(
    ("names", "kind", "message"),
    [
        (("other",), "topk", "--export other: must be of saelens, sparsify, features"),
        (("saelens",), "gelu", "no other package has GELU"),
        (("sparsify",), "jumprelu", "it has no jumprelu autoencoder"),
    ],
)
def test_forms_that_are_not_there_are_refused(names: tuple[str, ...], kind: str, message: str) -> None:
    check_exports(("saelens", "sparsify"), "batchtopk")
    with pytest.raises(BadInput, match=message):
        check_exports(names, kind)
