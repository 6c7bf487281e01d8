"""A value that must not leak, in every encoding.

A leak is seldom the whole value: texts are cut, quoted, escaped and encoded. So a value is made of two words without any
character that an encoding replaces, and each word is looked for as it is, in base64 at every offset, and in hexadecimal.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Canary:
    """A value to search for: of a Secret, or of the control.

    Attributes:
        first: letters and digits, at least twelve.
        second: likewise; what comes between them differs in a URL.
    """

    first: str
    second: str

    @property
    def value(self) -> str:
        """As a manifest holds it."""
        return f"{self.first}/+ ={self.second}"

    @property
    def encoded(self) -> str:
        """As `data` of a Secret holds it."""
        return base64.b64encode(self.value.encode()).decode()

    def forms(self) -> Iterator[str]:
        """Every text whose presence is a leak."""
        yield quote(self.value, safe="")
        yield self.encoded
        for word in (self.first, self.second):
            yield word
            yield word.encode().hex()
            for offset in range(3):
                yield _base64_at(word, offset)


def found(canaries: Iterable[Canary], surfaces: Mapping[str, str]) -> dict[str, str]:
    """What was found, with its surroundings, by place and form."""
    forms = [form for canary in canaries for form in canary.forms()]
    return {
        f"{place}: {form}": text[max(0, at - 200) : at + 80]
        for (place, text), form in itertools.product(surfaces.items(), forms)
        if (at := text.find(form)) >= 0
    }


def places(hits: Iterable[str]) -> set[str]:
    """Where something was found."""
    return {hit.rpartition(": ")[0] for hit in hits}


def _base64_at(word: str, offset: int) -> str:
    """The base64 characters that depend on the word alone.

    Args:
        word: the bytes.
        offset: where in three bytes the word begins.
    """
    encoded = base64.b64encode(b"\0" * offset + word.encode()).decode()
    return encoded[-(-offset * 8 // 6) : (offset + len(word)) * 8 // 6]
