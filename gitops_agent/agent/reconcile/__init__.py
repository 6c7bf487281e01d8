"""The Application controller: one reconcile from desired state to status."""
