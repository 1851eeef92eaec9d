"""How large the house is and which room leans on which: read from the source, held to limits."""
