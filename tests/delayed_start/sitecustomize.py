"""Read by Python at its start, in processes that are to pause; see `tests.delays`."""

from tests.delays import install

install()
