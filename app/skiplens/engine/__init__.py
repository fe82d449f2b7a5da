"""Runs networks behind one protocol: compiled graphs with LiteRT, or Keras."""
