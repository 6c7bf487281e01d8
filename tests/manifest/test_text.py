from __future__ import annotations

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.text import decode


def test_text_loses_its_byte_order_mark() -> None:
    assert decode(b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe", file="a", limits=YamlLimits()) == "grüße"


def test_the_limit_counts_bytes() -> None:
    with pytest.raises(RenderError, match="a: holds 3 bytes"):
        decode(b"abc", file="a", limits=YamlLimits(bytes=2))


def test_as_many_bytes_as_are_allowed_are_read() -> None:
    assert decode(b"abc", file="a", limits=YamlLimits(bytes=3)) == "abc"


@pytest.mark.parametrize(("data", "line"), [(b"\0abc", 1), (b"a: 1\nb: \0", 2)])
def test_a_nul_is_refused_wherever_it_stands(data: bytes, line: int) -> None:
    with pytest.raises(RenderError, match="holds a NUL byte") as caught:
        decode(data, file="a", limits=YamlLimits())
    assert caught.value.facts["line"] == line
