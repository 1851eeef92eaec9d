"""The mathematics of sparse autoencoders: parameters, which latents are active, losses and gradients."""
