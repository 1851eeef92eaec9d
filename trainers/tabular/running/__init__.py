"""From a request to models: rows prepared, members planned, trained on the devices there are, and kept."""
