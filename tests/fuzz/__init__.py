"""Whatever comes over a boundary is taken or refused by the boundary's own error: tried with hostile input.

`TWOPHASE_FUZZ=100 pytest tests/fuzz` tries a hundred times as much, other input each time.
"""
