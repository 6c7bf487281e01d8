"""The rollout controller: observe, step, compose, record."""
