"""A real control plane on this machine: its tools, its processes, its end."""
