"""skiplens: see inside a residual network."""
