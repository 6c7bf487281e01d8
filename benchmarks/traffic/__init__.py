"""Real traffic against rollouts, in one network.

Control plane, pods that answer, gateway, Services, load and Prometheus.
"""
