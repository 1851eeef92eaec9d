"""What trainings left, as features to look through."""
