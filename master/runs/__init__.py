"""One engine for every run: its parts, the dispatcher that owns its state, what agents are told to run."""
