"""The service layer. Knows core and the engine Protocol, nothing of HTTP."""
