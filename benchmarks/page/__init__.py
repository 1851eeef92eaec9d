"""How the page bears large runs: what a visitor waits for, and what it costs the master."""
