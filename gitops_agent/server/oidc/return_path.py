"""Where a browser goes after the sign-in.

The address comes from a link of another site, so it names a path of this page and nothing else: not another host in
any spelling that browsers know, no line of a header, and no address that signs in or acts.
"""

from __future__ import annotations

import re

HOME = "/"
_PATH = re.compile(r"/[\x21-\x5b\x5d-\x7e]{0,1023}")
_CLOSED = ("/auth/", "/api/")


def safe_path(wish: str) -> str:
    """The path where it is one of the page, else home."""
    path = re.split(r"[?#]", wish, maxsplit=1)[0]
    if not _PATH.fullmatch(wish) or "//" in path or path.startswith(_CLOSED):
        return HOME
    return wish
