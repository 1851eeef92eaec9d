"""How a run ends, as the exit code of its command.  What is raised has its code in `errors.py`."""

from __future__ import annotations

EXIT_ALL_SUCCEEDED, EXIT_SOME_FAILED, EXIT_NO_WORKER, EXIT_INTERRUPTED = 0, 1, 4, 130
