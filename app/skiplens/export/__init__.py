"""Writes files without a server: a gallery to a folder, activations of many images to Zarr."""
