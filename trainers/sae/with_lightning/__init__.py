"""The usual way to train an autoencoder: a LightningModule, Lightning's Trainer and a DataLoader.

It is what our own loop is compared with, in losses and in speed.  `fitting` and `module` import Lightning.
"""
