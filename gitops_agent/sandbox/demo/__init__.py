"""The demonstration: the whole story on one machine, with nothing in it that is not the real thing."""
