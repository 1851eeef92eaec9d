"""What can go wrong, as the user sees it.

TrainerError                 exit code 1
├── BadInput                 2   a flag, a file or a label is not as it must be
│   └── OutputConflictError  2   the output directory holds results of other settings
└── OutOfMemoryError         3   the message names the flags that help (`trainers.common.memory`)
"""

from __future__ import annotations

from trainers.common.errors import BadInput


class OutputConflictError(BadInput):
    """Going on would overwrite or mix results of other settings."""
