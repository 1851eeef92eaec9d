"""The verbs about the workers of a run that goes on: hold them, free them, add and remove them."""
