"""What master and agents say of artefacts and of where they come from."""
