"""The dashboard's page: its files, and how they are put together."""
