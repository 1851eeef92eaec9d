"""The agent as a process: daemon, event loop, connections, spool, recovery, and the effects of commands."""
