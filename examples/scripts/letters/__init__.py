"""Letters drawn from a chain of letters: a package whose parts import each other."""
