"""Apply: walks a plan and writes it with server-side apply."""
