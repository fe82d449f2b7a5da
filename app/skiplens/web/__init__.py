"""Thin HTTP: a handler parses, makes one service call and wraps the answer."""
