"""The answers of the API, one module a topic: from live objects to views."""
