"""Links that show something to people without an account of the cluster."""
