"""What can go wrong through the user's input; every one ends the script with one line on stderr.

TrainerError
├── BadInput
│   ├── OptionError     a flag's value, or flags that contradict each other
│   ├── DataError       a data file that is missing or unfit
│   └── BaseModelError  a base model that is missing, damaged, or another than the job needs
└── DivergedError       a loss that is no longer a number
"""

from __future__ import annotations

from trainers.common.errors import BadInput, TrainerError


class OptionError(BadInput):
    """A flag has a value outside its range, or contradicts another flag."""


class DataError(BadInput):
    """A data file is missing, unreadable or of the wrong shape or content."""


class BaseModelError(BadInput):
    """The base model is missing, damaged, or was trained for another job."""


class DivergedError(TrainerError):
    """Training gave a loss that is infinite or not a number."""
