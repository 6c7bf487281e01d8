"""Registries: manifests, blobs and tags of OCI repositories."""
