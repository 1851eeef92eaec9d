"""What the agent decides, free of I/O: messages and outcomes in, commands out."""
