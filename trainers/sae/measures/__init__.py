"""How good an autoencoder is by what is known besides: the activations' model, or their true features."""
