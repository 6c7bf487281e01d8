"""Files are decrypted as sops decrypts them, or refused."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.yaml import load_all
from gitops_agent.render.decryption.decryptor import decrypt
from gitops_agent.render.decryption.errors import DecryptionFailed
from tests.render.decryption.sops import Sops

FILES = int(os.environ.get("GITOPS_AGENT_SOPS_FILES", "25"))
"""Of each format; more look for new differences."""

SCALARS = (
    *("017", "0o17", "08", "0x1F", "0b101", "1_000", "-7", "+7", "-0", "0", "9007199254740993", "-9223372036854775808"),
    *(
        "1.0",
        "1.50",
        "1e3",
        "1.5e-9",
        ".5",
        "-.5e3",
        "1.",
        "-0.0",
        "123456789.125",
        "1e21",
        "1e-7",
        "5e-324",
        "1.7976931348623157e308",
    ),
    *(
        "true",
        "True",
        "no",
        "yes",
        "on",
        "off",
        "y",
        "null",
        "~",
        "''",
        '""',
        "''''",
        "<",
        "=",
        "1:30",
        "12e03",
        "0.1e1_0",
    ),
    *("2026-01-02", "2026-1-2", "2026-01-02T03:04:05Z", "2026-01-02t3:4:5.25+02:00", "2026-01-02 03:04:05.5", "'2026-01-02'"),
    *('!!int "7"', "!!str 7", '!!float "7"', '!!bool "true"', "!!null ''", ".5_0", "0_7", "1__0", "_1", "1_", "0x_1"),
    *(
        "päss wörd",
        '"\\u00e4\\t"',
        "'it''s'",
        "text # no comment",
        '"# text"',
        "'ENC[x]'",
        "[]",
        "{}",
        "|\n  two\n  lines\n",
    ),
    *(".inf", "-.inf", ".nan", ".", "..", "...x", "+", "-x", "0x", "0b2", "0o8", "1e400", "99999999999999999999"),
)
NAMES = ("a", "b_unencrypted", "data", "stringData", "key with spaces", "'yes'", "'1'", "ä", "x-y", "c_enc")
RULES = (
    (),
    ("--encrypted-regex", "^(data|stringData)$"),
    ("--unencrypted-regex", "^(a|x-.*)$"),
    ("--encrypted-suffix", "_enc"),
    ("--unencrypted-suffix", "_unencrypted"),
    ("--mac-only-encrypted", "--encrypted-regex", "^(data|a)$"),
)


def yaml_text(dice: random.Random, depth: int = 0) -> str:
    pad = "  " * depth
    lines = []
    for name in dice.sample(NAMES, dice.randint(1, 5)):
        kind = dice.random()
        if kind < 0.2 and depth < 3:
            lines.append(f"{pad}{name}:\n{yaml_text(dice, depth + 1)}")
        elif kind < 0.35:
            items = [scalar for scalar in dice.sample(SCALARS, 3) if "\n" not in scalar]
            lines.append(f"{pad}{name}:" + ("".join(f"\n{pad}- {item}" for item in items) or " []") + "\n")
        else:
            scalar = dice.choice(SCALARS).replace("\n  ", f"\n{pad}  ")
            lines.append(f"{pad}{name}: {scalar}" + ("" if scalar.endswith("\n") else "\n"))
        if dice.random() < 0.1:
            lines.append(f"{pad}# a comment\n")
    return "".join(lines)


def json_value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if (kind < 0.3 and depth < 3) or depth == 0:
        return {name: json_value(dice, depth + 1) for name in dice.sample(NAMES, dice.randint(1, 4))}
    if kind < 0.4:
        return [json_value(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    return dice.choice(["", "text", 'ü\n\t"\\', "017", 0, -7, 1.5, 1e21, 2**53, 2**53 + 1, True, False, None, 1.0, 1e-9])


def ours(name: str, data: bytes, sops: Sops) -> bytes | None:
    """Our plaintext; None when the file is refused."""
    try:
        plaintext = decrypt(name, data, sops.keyring())
    except DecryptionFailed:
        return None
    assert plaintext is not None
    return plaintext.data


def changes(encrypted: bytes) -> Iterator[bytes]:
    """The file with one ciphertext changed each, comments excepted."""
    for match in re.finditer(rb"(?<!#)ENC\[AES256_GCM,data:(.)", encrypted):
        other = b"B" if match[1] == b"A" else b"A"
        yield encrypted[: match.start(1)] + other + encrypted[match.end(1) :]


def refuses(sops: Sops, name: str, data: bytes) -> bool:
    """Whether sops refuses it too, as it does some of its numbers."""
    try:
        sops.decrypt(name, data)
    except ValueError:
        return True
    return False


def readable(data: bytes) -> list[Any] | None:
    try:
        return [document for document in load_all(data) if document != {}]
    except RenderError:  # an infinity, which no object can hold
        return None


@pytest.mark.slow
def test_yaml(sops: Sops) -> None:
    dice = random.Random("yaml")  # noqa: S311 - made-up files
    for _ in range(FILES):
        text = "---\n".join(yaml_text(dice) for _ in range(dice.choice((1, 1, 1, 2, 3))))
        encrypted = sops.encrypt("a.yaml", text, *dice.choice(RULES))
        decrypted = ours("a.yaml", encrypted, sops)
        if decrypted is None:
            assert "1e400" in text or refuses(sops, "a.yaml", encrypted), text
            continue
        assert all(ours("a.yaml", changed, sops) is None for changed in changes(encrypted)), text
        expected = readable(sops.decrypt("a.yaml", encrypted))
        assert expected is None or readable(decrypted) == expected, text


@pytest.mark.slow
def test_json(sops: Sops) -> None:
    dice = random.Random("json")  # noqa: S311 - made-up files
    for _ in range(FILES):
        text = json.dumps(json_value(dice))
        encrypted = sops.encrypt("a.json", text, *dice.choice(RULES))
        decrypted = ours("a.json", encrypted, sops)
        if decrypted is not None:
            assert json.loads(decrypted) == json.loads(sops.decrypt("a.json", encrypted)), text
        else:
            assert str(2**53 + 1) in text, text


@pytest.mark.slow
def test_dotenv_and_binary(sops: Sops) -> None:
    dice = random.Random("dotenv")  # noqa: S311 - made-up files
    for _ in range(FILES):
        values = [
            dice.choice(["", "a=b", "  spaced ", "ü", "one\\ntwo", "'quoted'", "#no comment", "1", "\r"]) for _ in range(4)
        ]
        text = "".join(f"NAME_{index}={value}\n" for index, value in enumerate(values))
        encrypted = sops.encrypt("a.env", text)
        assert ours("a.env", encrypted, sops) == sops.decrypt("a.env", encrypted), text
        content = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
        encrypted = sops.encrypt("a.bin", content)
        assert ours("a.bin", encrypted, sops) == content
