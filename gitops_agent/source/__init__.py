"""Git repositories: mirrors, references, credentials, and reading without a checkout."""
