"""What base models of chaos runs hold: it follows from their number alone."""

import hashlib
import random

SIZE = 150_000


def base_bytes(number):
    """Return the bytes of a base model."""
    return random.Random(f"base model {number}").randbytes(SIZE)


def digest(data):
    """Return the digest of bytes, as the tally has it."""
    return hashlib.sha256(data).hexdigest()
