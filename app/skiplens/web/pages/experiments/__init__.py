"""The section of experiments: an index, and a page for each."""
