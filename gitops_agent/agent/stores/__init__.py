"""Watch-fed caches: what the cluster says, kept current by informers."""
