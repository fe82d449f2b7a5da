"""A labelled test set: its predictions, and the top-activating digits of each filter."""
