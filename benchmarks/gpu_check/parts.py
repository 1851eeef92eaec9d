"""What is measured: parts by name, the words that run each, its share of the time, and what is hoped for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Setting:
    """Where the parts run, and how large they are."""

    device: str
    """`cuda` or `cpu`."""
    cards: int
    small: bool
    """So small that a CPU takes seconds: to see that all of it runs."""

    @property
    def patience(self) -> int:
        """How many times longer than on a card a part may take: a CPU may have other work as well."""
        return 6 if self.small else 1


@dataclass(frozen=True)
class Part:
    """One of the parts; its process prints an object of JSON last."""

    name: str
    about: str
    words: Callable[[Setting], list[str]]
    """The module and its flags."""
    seconds: float
    """After which it is ended."""
    figures: Callable[[Mapping[str, Any]], Figures]
    """Taken from the object that it prints."""
    least_cards: int = 0


@dataclass(frozen=True)
class Goal:
    """What a figure should be on an H100."""

    bound: float
    at_most: bool = False

    def is_met(self, value: float) -> bool:
        """Return whether a figure is good enough."""
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


GOALS: Mapping[str, Goal] = {
    "search: fused, s": Goal(12.0, at_most=True),
    "search: best packing over fused": Goal(3.0),
    "search: warm over resident": Goal(1.3),
    "search: one at a time over packed": Goal(1.0),
    "search: one card over two": Goal(1.4),
    "probes: an epoch, s": Goal(0.20, at_most=True),
    "probes: 50 epochs, s": Goal(12.0, at_most=True),
    "people: cnn: launched over recorded": Goal(1.0),
    "people: mlp: launched over recorded": Goal(2.0),
    "sae: ours over compiled dense, d 768": Goal(1.0),
    "sae: ours over compiled dense, d 2304": Goal(1.0),
    "tabular: mlp: stacked and recorded over in turn": Goal(8.0),
    "tabular: transformer: stacked and recorded over in turn": Goal(3.0),
    "tabular: tabular_transformer: stacked and recorded over in turn": Goal(3.0),
}


def _plain(told: Mapping[str, Any]) -> Figures:
    figures: Figures = told["figures"]
    return figures


def _ratios(told: Mapping[str, Any]) -> Figures:
    ratios: Figures = told["ratios"]
    return ratios


def _own(module: str, *more: str) -> Callable[[Setting], list[str]]:
    def words(setting: Setting) -> list[str]:
        small = ["--small"] if setting.small else []
        return [f"benchmarks.gpu_check.{module}", "--device", setting.device, *small, *more]

    return words


def _tabular(setting: Setting) -> list[str]:
    return ["benchmarks.tabular", "--device", "cuda", "--json", *(["--quick"] if setting.small else [])]


PARTS = (
    Part("search", "15 fine-tunes and 3 base models, each way", _own("search"), 215.0, _plain),
    Part("probes", "45 probes by 8 rates on 1,000,000 × 4,096", _own("probes"), 52.0, _plain),
    Part("people", "steps of people's models, recorded and launched", _own("people"), 25.0, _plain),
    Part("sae", "autoencoders beside a compiled dense one", _own("sae"), 54.0, _plain),
    Part("tabular", "networks stacked and recorded beside one by one", _tabular, 54.0, _ratios),
    Part("two cards", "the search on one card and on two", _own("search", "--cards", "2"), 60.0, _plain, 2),
)


def command(part: Part, setting: Setting) -> list[str]:
    """Return the words that run a part in a process of its own."""
    return [sys.executable, "-m", *part.words(setting)]
