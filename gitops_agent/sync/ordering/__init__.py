"""Order: dependencies between actions, inferred from the objects."""
