"""What workers need to take artefacts from each other: who is who, and what each piece hashes to."""
