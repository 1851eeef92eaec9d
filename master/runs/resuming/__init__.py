"""Trainings that go on from what the store has."""
