"""Bringing a cluster in step with what Git says: plan, order, guard, execution, drift and health."""
