"""Everything that needs Keras: the Residual layer, architectures, MNIST, training and compiling.

A server that runs compiled graphs imports nothing from here. The command line checks a user's file
with :mod:`skiplens.network.own_network_files`, which imports no Keras itself.
"""
