"""The scenarios, one function each, with their results."""
