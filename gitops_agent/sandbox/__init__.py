"""A real control plane on this machine, as plain processes."""
