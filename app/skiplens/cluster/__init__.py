"""What runs on many machines, by Ray: the app, and extraction. The only package with Ray."""
