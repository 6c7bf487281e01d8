"""What the commands and the dashboard both do."""
