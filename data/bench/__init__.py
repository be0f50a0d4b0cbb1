"""Large companies for measuring: the sample company many times over, every copy with names of its own."""
