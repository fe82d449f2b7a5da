"""Everything that needs Keras: the Residual layer, architectures, MNIST, training and compiling.

A server that runs compiled graphs imports nothing from here.
"""
