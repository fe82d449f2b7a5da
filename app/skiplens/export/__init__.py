"""Writes a digit's gallery to a folder that opens without a server."""
