"""Thin HTTP: a handler parses the request, asks the service and wraps the answer."""
