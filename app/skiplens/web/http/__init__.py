"""Plain ASGI middleware: each passes messages on and holds up nothing."""
