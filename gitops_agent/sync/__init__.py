"""Syncs a cluster with Git: plan, order, guard, execution, drift, health."""
