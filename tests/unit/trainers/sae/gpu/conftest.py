"""Kernels run in Triton's interpreter on the CPU, in float32: it is chosen where they are first imported."""

from __future__ import annotations

import os

os.environ["TRITON_INTERPRET"] = "1"
