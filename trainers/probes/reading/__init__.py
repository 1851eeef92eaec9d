"""From files of activations and labels to the rows and targets that probes are trained on."""
