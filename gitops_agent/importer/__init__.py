"""Translates resources of Flux and Argo CD, field by field."""
