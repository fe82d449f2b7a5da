"""Everything that needs Keras: the Residual layer, architectures, MNIST, training and compiling.

Nothing here is imported by a server that runs on compiled graphs.
"""
