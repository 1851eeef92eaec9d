"""How long a run still takes: pure, from durations seen, what runs, what waits, and slots."""
