"""The demo: the whole story on one machine, without fakes."""
