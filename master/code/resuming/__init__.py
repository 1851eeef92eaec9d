"""What programs say of trainings that go on from others."""
