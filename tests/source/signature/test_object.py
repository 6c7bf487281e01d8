from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.object import address, header, parents, split_commit, split_tag
from tests.source.author import Author

TREE = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
PEOPLE = b"author Ada <ada@example.com> 1760000000 +0200\ncommitter Li <li@example.com> 1760000000 +0200\n"
SIGNATURE = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n"
ARMOR = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"


def test_the_payload_is_the_commit_without_its_signature() -> None:
    split = split_commit(TREE + PEOPLE + SIGNATURE + b"encoding latin1\n\nOne\n", digits=40)

    assert split.signature == ARMOR
    assert split.payload == TREE + PEOPLE + b"encoding latin1\n\nOne\n"


def test_a_commit_without_a_signature_is_its_own_payload() -> None:
    raw = TREE + PEOPLE + b"\ngpgsig is only a word here\n"

    split = split_commit(raw, digits=40)

    assert (split.payload, split.signature) == (raw, b"")


def test_the_signature_of_the_other_hash_is_not_looked_at() -> None:
    other = SIGNATURE.replace(b"gpgsig", b"gpgsig-sha256")

    assert split_commit(TREE + PEOPLE + other + b"\nOne\n", digits=40).signature == b""
    assert split_commit(TREE + PEOPLE + other + b"\nOne\n", digits=64).signature == ARMOR


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (SIGNATURE + SIGNATURE, "has two headers gpgsig"),
        (b"gpgsigx 1\n", "has an unknown header gpgsigx"),
        (b"note a\0b\n", "has a NUL in its headers"),
        (b"gpgsig " + b"a" * (65 * 1024) + b"\n", "has a signature of 66561 bytes, more than the 65536 allowed"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(headers: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=re.escape(problem)) as refusal:
        split_commit(TREE + PEOPLE + headers + b"\nOne\n", digits=40)

    assert refusal.value.reason == "SignatureMalformed"


def test_a_tag_is_split_before_its_last_armor() -> None:
    text = b"object 1\ntype commit\ntag v1\ntagger Li <li@example.com> 1 +0000\n\nnotes\n"

    split = split_tag(text + ARMOR + ARMOR)

    assert (split.payload, split.signature) == (text + ARMOR, ARMOR)
    assert (header(text, "tag"), header(text, "type")) == ("v1", "commit")


def test_facts_of_a_commit_come_from_its_headers() -> None:
    raw = TREE + b"parent " + b"1" * 40 + b"\nparent " + b"2" * 40 + b"\n" + PEOPLE + b"\nparent 3\n"

    assert parents(raw) == ("1" * 40, "2" * 40)
    assert address(raw, "committer") == "li@example.com"


class Recorder:
    """A gpg.program that keeps the payload it is asked to verify."""

    def __init__(self, folder: Path) -> None:
        self.author = Author(folder / "repository.git")
        self.payload, self.signature = folder / "payload", folder / "signature"
        program = folder / "gpg"
        program.write_text(
            "#!/bin/sh\n"
            f'for word in "$@"; do case "$word" in */*) cat "$word" > {self.signature} ;; esac; done\n'
            f"cat > {self.payload}\n"
            'echo "[GNUPG:] NEWSIG"\n'
            'echo "[GNUPG:] GOODSIG 1 one"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.author.git("config", "gpg.program", str(program))

    def ask(self, raw: bytes) -> bytes | None:
        """The payload Git hands to its verifier, None without one."""
        self.payload.unlink(missing_ok=True)
        oid = self.author.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
        directory, environment = f"--git-dir={self.author.directory}", {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        subprocess.run(["git", directory, "verify-commit", oid], capture_output=True, check=False, env=environment)
        return self.payload.read_bytes() if self.payload.exists() else None


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=12).map(str.encode)
VALUE = st.lists(WORDS, min_size=1, max_size=4).map(b"\n ".join)
NAMES = st.sampled_from([b"encoding", b"mergetag", b"HG:extra", b"gpgsig", b"gpgsig-sha256", b"gpgsigfoo", b"gpgsi", b"x"])
HEADERS = st.tuples(NAMES, VALUE).map(lambda pair: pair[0] + b" " + pair[1] + b"\n")
ODD = st.sampled_from([b"\r\n", b" odd\n", b"gpgsig\n", b"gpgsig-sha256\n", b"\tx\n"])
GENUINE = st.just(SIGNATURE)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    before=st.lists(st.one_of(HEADERS, ODD), max_size=3),
    after=st.lists(st.one_of(HEADERS, ODD), max_size=3),
    message=st.one_of(WORDS, st.just(b"gpgsig a\n b\n"), st.just(b"\r\n")),
)
def test_git_hands_its_verifier_the_same_payload(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes], message: bytes
) -> None:
    raw = TREE + PEOPLE + b"".join(before) + SIGNATURE + b"".join(after) + b"\n" + message
    recorder = _RECORDERS.setdefault("one", None) or Recorder(tmp_path_factory.mktemp("recorder"))
    _RECORDERS["one"] = recorder
    try:
        split = split_commit(raw, digits=40)
    except SourceError:
        return  # refused, whatever Git makes of it

    payload = recorder.ask(raw)

    if payload is not None and split.signature:
        assert hashlib.sha256(split.payload).hexdigest() == hashlib.sha256(payload).hexdigest()
        assert split.signature == recorder.signature.read_bytes()


_RECORDERS: dict[str, Recorder | None] = {}
