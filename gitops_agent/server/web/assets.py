"""The files of the page as they are sent: joined, compressed, versioned.

Problem: an old page must never meet new modules, and a browser should fetch each version once. Decision: all files but the
document lie under a folder that is named by a digest over all of them, so they may be kept for ever; the document names that
folder and is revalidated each time. Everything is made once, on the first request, and kept: 100 kB.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gitops_agent.server.web.modules import joined

_HERE = Path(__file__).parent
_VERSION = "{{version}}"
_DIGITS = 16
_ENTRIES = {"page.js": "main.js", "details.js": "details.js", "german.js": "german.js"}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the page.

    Attributes:
        content_type: as in the header.
        body: its bytes.
        compressed: the same with gzip.
        etag: its entity tag, quotes included.
        immutable: whether the address stands for these very bytes for ever.
    """

    content_type: str
    body: bytes
    compressed: bytes
    etag: str
    immutable: bool

    @property
    def cache_control(self) -> str:
        """The header for caches."""
        return "public, max-age=31536000, immutable" if self.immutable else "no-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole page.

    Attributes:
        document: what every address of the page answers.
        assets: the other files by their paths, such as `/assets/0123456789abcdef/page.js`.
    """

    document: Asset
    assets: Mapping[str, Asset]


@cache
def page() -> Page:
    """The page as it ships with this version."""
    files = {
        "page.css": "\n".join(path.read_text() for path in sorted((_HERE / "styles").glob("*.css"))),
        **joined({name: _HERE / "page" / entry for name, entry in _ENTRIES.items()}),
        "icons.svg": (_HERE / "icons.svg").read_text(),
    }
    version = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:_DIGITS]
    return Page(
        document=_asset(".html", (_HERE / "index.html").read_text().replace(_VERSION, version), immutable=False),
        assets={f"/assets/{version}/{name}": _asset(Path(name).suffix, text, immutable=True) for name, text in files.items()},
    )


def _asset(suffix: str, text: str, *, immutable: bool) -> Asset:
    body = text.encode()
    return Asset(
        content_type=_TYPES[suffix],
        body=body,
        compressed=gzip.compress(body, mtime=0),
        etag=f'"{hashlib.sha256(body).hexdigest()[:_DIGITS]}"',
        immutable=immutable,
    )
