"""Installation: the manifests of the agent."""
