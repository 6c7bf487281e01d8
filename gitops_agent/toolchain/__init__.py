"""Programs: how etcd, the control plane, kustomize and Helm are installed."""
