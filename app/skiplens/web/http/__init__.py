"""HTTP: connections, and plain ASGI middleware in front of the app."""
