"""How much of the machines is in use: sampled while a run goes on, or looked at without one."""
