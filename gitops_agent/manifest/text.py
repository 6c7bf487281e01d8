"""Decodes repository files as UTF-8, within limits, with located errors."""

from __future__ import annotations

from gitops_agent.manifest.document import YamlLimits, refusal

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def decode(data: bytes, *, file: str, limits: YamlLimits) -> str:
    """The text of a file, without its byte order mark.

    Raises:
        RenderError: it is too large, not UTF-8, or holds a NUL.
    """
    if len(data) > limits.bytes:
        raise refusal(f"holds {len(data)} bytes, more than the {limits.bytes} allowed", file=file)
    if data.startswith(_UTF16):
        raise refusal("is UTF-16; save it as UTF-8", file=file, line=1)
    body = data.removeprefix(_BOM)
    nul = body.find(b"\0")
    if nul >= 0:
        raise refusal("holds a NUL byte, so it is not text", file=file, line=body.count(b"\n", 0, nul) + 1)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise refusal(f"is not UTF-8 (byte 0x{body[error.start]:02x})", file=file, line=line) from None
