"""Git repositories as revisions and trees: mirrors, references, credentials, and reading commits without a checkout."""
