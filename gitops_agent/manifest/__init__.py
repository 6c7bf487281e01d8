"""Manifests: objects, their identity, digests, owned fields, marks and masking."""
