"""Pure: NumPy, Pillow and OpenCV only. No Keras, no LiteRT, no HTTP, no settings, no storage."""
