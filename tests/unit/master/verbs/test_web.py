"""The words of `twophase web`."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from master.verbs import web


def test_words() -> None:
    options = web.parser().parse_args([])
    assert (options.port, options.web_host, options.read_only) == (web.PORT, "", False)


@pytest.mark.parametrize(
    "words",
    [
        ["--web-host", "lab"],
        ["--web-host", "lab", "--tls-cert", "c"],
        ["--tls-cert", "c", "--tls-key", "k"],
    ],
)
def test_others_are_served_over_tls_alone(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert web.main(words) == 2
    assert "others are served over TLS alone" in capsys.readouterr().err


def test_where_no_run_is_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert web.main(["--run", str(tmp_path)]) == 2
    assert "no run in" in capsys.readouterr().err


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = builtins.__import__

    def importing(name: str, *more: Any, **named: Any) -> Any:
        if name == "master.web.serving":
            raise ImportError("No module named 'uvicorn'", name="uvicorn")
        return known(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", importing)
    assert web.main([]) == 2
    assert "uvicorn is missing): pip install 'twophase[web]'" in capsys.readouterr().err


def test_what_is_printed_leads_there() -> None:
    told = {"url": "http://localhost:1/?token=t", "ssh": "ssh -L 1:localhost:1 a@b", "read_only": True}
    first, second, _ = web._lines(told)
    assert "can only look" in first and str(told["url"]) in first and str(told["ssh"]) in second
