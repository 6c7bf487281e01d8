"""The command line: one module a command; each parses, calls one thing, prints, and returns an exit code."""
