"""Lets a Python process pause from its start; see `tests.delays`."""

from tests.delays import install

install()
