"""What a caller can ask for. Knows core and the engine Protocol, nothing of HTTP."""
