"""The shell around the domain: workspaces, landing, the warehouse, the monthly run and the command line."""

__version__ = "0.1.0"
