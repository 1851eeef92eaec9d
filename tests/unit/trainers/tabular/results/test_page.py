"""The page."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.unit.trainers.tabular.results import model_results
from trainers.tabular.data.dataset import Kind
from trainers.tabular.results.figures import figure_rows
from trainers.tabular.results.model_result import ModelResult
from trainers.tabular.results.page import page


class Seen(HTMLParser):
    """What a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def made(result: ModelResult, title: str = "A run") -> str:
    """Return the page of a result."""
    return page(title, [result], figure_rows(result))


@functools.cache
def seen_of(kind: Kind) -> Seen:
    """Return what a browser finds on the page of a model."""
    return Seen(made(model_results.result(kind=kind)))


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_the_page_loads_nothing_and_runs_nothing(kind: Kind) -> None:
    seen = seen_of(kind)
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "link", "iframe", "b", "yes", "s"})
    sources = [attributes["src"] or "" for _, attributes in seen.tags if "src" in attributes]
    assert sources and all(one.startswith("data:image/png;base64,") for one in sources)
    assert not any(
        name.startswith("on") or name == "href" for _, attributes in seen.tags for name in attributes
    )


def test_names_are_escaped() -> None:
    result = model_results.result("<img src=x>", members=1)
    text = made(replace(result, histories=()), "</title><script>alert(1)</script>")
    assert "<script" not in text and "<img src=x" not in text and "m<s>" not in text
    assert "m<s>&" in Seen(text).texts


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "regression",
            [
                "mlp: loss",
                *("mlp: m<s>&, test", "mlp: residuals of m<s>&", "mlp: coverage of m<s>&"),
                *("mlp: =rate, test", "mlp: residuals of =rate", "mlp: coverage of =rate"),
                "mlp: importance",
            ],
        ),
        ("binary", ["mlp: loss", "mlp: classes, test", "mlp: reliability, test", "mlp: importance"]),
    ],
)
def test_every_model_has_its_plots(kind: Kind, expected: list[str]) -> None:
    seen = seen_of(kind)
    assert [attributes["alt"] for tag, attributes in seen.tags if tag == "img"] == expected


def test_what_a_model_lacks_is_left_out() -> None:
    result = model_results.result(members=1)
    bare = replace(result, histories=(), importance=(), splits={"val": result.splits["val"]})
    seen = Seen(made(bare))
    titles = [attributes["alt"] or "" for tag, attributes in seen.tags if tag == "img"]
    assert not any(re.search("loss|coverage|importance", one) for one in titles) and len(titles) == 4
