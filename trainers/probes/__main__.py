"""`python -m twophase probes` is the command `train_probes`; jobs start here."""

import sys

from trainers.probes.cli import main

try:  # noqa: SIM105  only this is read as an import of the program
    import trainers.probes.command  # noqa: F401  processes that are kept warm import what is named here
except ModuleNotFoundError:  # told with the flags
    pass

if __name__ == "__main__":
    sys.exit(main())
