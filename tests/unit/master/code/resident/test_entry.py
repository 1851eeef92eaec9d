"""Which scripts offer to be resident."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code.resident.entry import offers_resident


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("def twophase_main(args):\n    return 0\n", True),
        ("from mine import twophase_main\n", True),
        ("from mine import main as twophase_main\n", True),
        ("def main(args): ...\ntwophase_main = main\n", True),
        ("def main(args): ...\n", False),
        ("def main():\n    def twophase_main(args): ...\n", False),
        ("# twophase_main\n", False),
        ("def twophase_main(:\n", False),
    ],
)
def test_a_script_offers_what_it_names_at_its_top(tmp_path: Path, text: str, offers: bool) -> None:
    path = tmp_path / "train.py"
    path.write_text(text)
    assert offers_resident(path) is offers


def test_what_is_no_python_file_offers_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text("def twophase_main(args): ...\n")
    assert not offers_resident(tmp_path / "train.sh") and not offers_resident(tmp_path / "gone.py")
