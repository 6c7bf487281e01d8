"""The command line.

One module a command: it parses, makes one call, prints, and returns an exit code.
"""
