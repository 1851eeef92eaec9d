"""Between masters and the agent: who has connected, who is the master, and what comes in and goes out."""
