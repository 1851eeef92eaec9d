"""Who has an artefact from whom: pure decisions."""
