"""A folder of results belongs to one training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainers.common.claims import claim
from trainers.common.errors import BadInput

NAME = "settings.json"


def test_a_folder_is_claimed_and_taken_up_again(tmp_path: Path) -> None:
    claim(tmp_path / NAME, {"epochs": 3, "data": "x"}, {"epochs": 3})
    claim(tmp_path / NAME, {"epochs": 3, "data": "x"}, {"epochs": 3})
    assert json.loads((tmp_path / NAME).read_text())["epochs"] == 3


def test_results_of_other_settings_are_refused_by_what_differs(tmp_path: Path) -> None:
    claim(tmp_path / NAME, {"epochs": 3, "data": "x"}, {})
    with pytest.raises(BadInput, match=r"other settings \(epochs was 3, is 4\); use --overwrite"):
        claim(tmp_path / NAME, {"epochs": 4, "data": "x"}, {})
