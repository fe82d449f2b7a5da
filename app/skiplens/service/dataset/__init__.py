"""Many digits at once: a test set to browse, and which digits excite each filter most."""
