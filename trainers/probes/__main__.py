"""`python -m twophase probes` is the command `train_probes`."""

import sys

from trainers.probes.cli import main

if __name__ == "__main__":
    sys.exit(main())
