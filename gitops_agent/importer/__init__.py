"""Translates resources of Flux and Argo CD into those of the agent, field by field."""
