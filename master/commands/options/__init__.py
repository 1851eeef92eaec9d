"""The words of each command: its flags, their types, its help.  Help waits for nothing that runs."""
