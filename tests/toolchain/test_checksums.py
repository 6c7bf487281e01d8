from __future__ import annotations

import json

import pytest

from gitops_agent.toolchain.catalog import Checksums
from gitops_agent.toolchain.checksums import find_digest

A, B = "a" * 64, "B" * 64


@pytest.mark.parametrize(
    ("text", "spelling", "digest"),
    [
        (A, Checksums.BARE, A),
        (f"{B}\n", Checksums.BARE, B.lower()),
        (f"{A}  file.tar.gz\n", Checksums.LISTING, A),
        (f"{B}  other\n{A} *file.tar.gz\n", Checksums.LISTING, A),
        (json.dumps({"assets": [{"name": "file.tar.gz", "digest": f"sha256:{A}"}]}), Checksums.GITHUB, A),
    ],
)
def test_digests_are_found_however_they_are_spelled(text: str, spelling: Checksums, digest: str) -> None:
    assert find_digest(text, spelling, "file.tar.gz") == digest


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("", Checksums.BARE),
        ("<html>not found</html>", Checksums.BARE),
        (A[:-1], Checksums.BARE),
        (f"{A}  other.tar.gz", Checksums.LISTING),
        (f"{A}  xfile.tar.gz", Checksums.LISTING),
        ("", Checksums.LISTING),
        ("not json", Checksums.GITHUB),
        ("[]", Checksums.GITHUB),
        (json.dumps({"assets": [{"name": "file.tar.gz", "digest": None}]}), Checksums.GITHUB),
        (json.dumps({"assets": [{"name": "file.tar.gz", "digest": "sha512:00"}]}), Checksums.GITHUB),
        (json.dumps({"assets": []}), Checksums.GITHUB),
    ],
)
def test_what_holds_no_digest_of_the_file_gives_none(text: str, spelling: Checksums) -> None:
    assert find_digest(text, spelling, "file.tar.gz") is None
