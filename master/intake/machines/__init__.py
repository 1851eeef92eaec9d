"""The machines of a cluster config: how they are logged in to, and pools that lend them."""
