"""The scenarios, each a function that plays one and writes down what came of it."""
