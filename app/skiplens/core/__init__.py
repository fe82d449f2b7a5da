"""Pure: NumPy and Pillow only. No Keras, no LiteRT, no HTTP, no settings, no files."""
