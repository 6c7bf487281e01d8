"""Real traffic against rollouts: control plane, pods that answer, gateway, Services, load and Prometheus in one network."""
