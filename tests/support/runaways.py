"""Programs that take more of a machine than they may, bounded."""

from __future__ import annotations

BOMB = """
import os, time
for _ in range(30):
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    time.sleep(0.01)
time.sleep(60)
"""
