"""Signatures of cosign with keys: simple signing, and bundles of Sigstore."""
