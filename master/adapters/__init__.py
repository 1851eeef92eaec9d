"""How workers are reached: sessions over SSH or on this machine, rsync, the agent and the link to it."""
