"""What travels as code: its identity, the snapshot of it, and the flags that a script declares."""
