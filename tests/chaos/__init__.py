"""Real masters and workers under seeded faults, judged from outside.

`schedule` says from a seed what happens when; `faults/` does it; `script/` is what the jobs run and the
table of hostile scripts; `driver` runs it all over three container workers; `judge` tells from the jobs' own
tally what was promised and not kept.  `scripts/chaos` is the command, `test_short_round.py` the round that is
run with the tests.
"""
