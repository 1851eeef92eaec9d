"""What links to agents are made of."""
