"""What the process serves over HTTP: liveness, readiness, metrics."""
