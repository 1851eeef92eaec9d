"""How files come into memory, and stay there for later jobs of the same process."""
