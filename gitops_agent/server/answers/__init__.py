"""The answers of the API: from live objects to views."""
