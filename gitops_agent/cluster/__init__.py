"""The Kubernetes API as this project needs it: raw requests, discovery, objects, watches, the lease and Events."""
