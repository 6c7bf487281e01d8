"""gitops-agent: keeps a Kubernetes cluster in step with Git."""

__version__ = "0.1.0"
