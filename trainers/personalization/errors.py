"""What can go wrong through the user's input; every one ends the script with one line on stderr.

TrainerError
├── OptionError       a flag's value, or flags that contradict each other
├── DataError         a data file that is missing or unfit
├── BaseModelError    a base model that is missing, damaged, or another than the job needs
└── DivergedError     a loss that is no longer a number
"""

from __future__ import annotations


class TrainerError(Exception):
    """Base of all errors that the user can mend; the message names what, where and what is allowed."""


class OptionError(TrainerError):
    """A flag has a value outside its range, or contradicts another flag."""


class DataError(TrainerError):
    """A data file is missing, unreadable or of the wrong shape or content."""


class BaseModelError(TrainerError):
    """The base model is missing, damaged, or was trained for another job."""


class DivergedError(TrainerError):
    """Training gave a loss that is infinite or not a number."""
