"""The forms in which results are kept, as readers of such files know them."""
