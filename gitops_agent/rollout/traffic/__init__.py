"""Traffic providers: one file each, pure functions over Git's routes."""
