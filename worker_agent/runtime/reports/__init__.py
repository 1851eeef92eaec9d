"""Commands that look at this machine once, and tell what they see."""
