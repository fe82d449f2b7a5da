"""Writes a digit's gallery to a folder, to be kept, sent or opened without a server."""
