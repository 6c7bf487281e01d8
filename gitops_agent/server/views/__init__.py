"""What the dashboard's API answers: the only shapes that leave the server."""
