"""Traffic providers: one file each, all pure functions over the routes as Git has them."""
