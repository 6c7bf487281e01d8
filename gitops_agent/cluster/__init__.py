"""The Kubernetes API: requests, discovery, objects, watches, the lease and Events."""
