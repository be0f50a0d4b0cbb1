"""Connectors fetch what the systems deliver: one system, one module, and the only input and output of a pull."""
