"""Binary one-vs-rest probes on stored activations, all probes of a layer in one fused model."""

import os
from pathlib import Path

from trainers.common.versions import version_in

CODE_VERSION = version_in(Path(__file__).parent)

# GNU OpenMP's threads spin for their next piece of work.  On a machine with other load they then wait for
# each other's time slices, and an epoch of 0.1 s takes 4 s; after this many turns (some microseconds) they
# sleep instead.  Read when torch is loaded, hence here.
os.environ.setdefault("GOMP_SPINCOUNT", "4000")
