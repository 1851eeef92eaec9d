"""The page loads nothing, runs nothing but its own script, and shows names as text."""

from __future__ import annotations

import base64
import hashlib
import re

from trainers.sae.page.build import Subject, page_of
from trainers.sae.page.packing import Packed

EVIL = '</script><img src=x onerror=alert(1)>"&\u202e'
RECORDS = [{"step": 10, "val_fvu": 0.5, "loss": 0.4}, {"step": 20, "val_fvu": 0.25, "loss": None}, {"x": 1}]
DENSITY = {"log10_edges": [-2.0, -1.0, 0.0], "latents": [1.0, 3.0]}


def page(title: str = "t") -> str:
    features = Packed("bnVt", "dGV4", 4, 2, 1)
    return page_of(Subject(title, {"model": title, "fvu": 0.12345, "none": None}, RECORDS, DENSITY, features))


def test_names_are_text() -> None:
    found = page(EVIL)
    assert "<img" not in found and "\u202e" not in found and "⟨202e⟩" in found
    assert found.count("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&amp;") == 3


def test_only_its_own_script_and_style_are_allowed() -> None:
    found = page()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', found)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", found, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.findall(r"\son\w+=|\sstyle=|javascript:|https?://|@import|url\(|innerHTML", found)


def test_curves_density_and_features_are_there() -> None:
    found = page()
    assert found.count("<figure>") == 3
    assert '{"latents": 4, "top": 2, "near": 1}' in found and ">bnVt<" in found and ">dGV4<" in found
    assert "<dd><bdi>0.1235</bdi></dd>" in found and "none" not in re.findall("<dt>(.*?)</dt>", found)


def test_without_features_there_is_no_browser() -> None:
    found = page_of(Subject("t", {}))
    assert 'id="list"' not in found and "<figure>" not in found
