"""Registries: manifests, blobs and tags of OCI repositories, read over our own HTTP door."""
