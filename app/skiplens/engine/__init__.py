"""Runs compiled networks: manifest, interpreter pool, Keras engine; all behind one Protocol."""
