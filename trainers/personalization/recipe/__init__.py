"""What a recipe adds to plain training: standardised inputs, several seeds, how each begins, what to beat."""
