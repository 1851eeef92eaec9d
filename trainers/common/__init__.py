"""What trainers share: devices, files, flags, errors, seeds, resuming.  It travels with all that name it."""
