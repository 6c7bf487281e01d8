"""Decrypts one file into plaintext and secret values.

What a file is follows from its content and never from its name alone: one with a `sops` mapping is encrypted. Documents of a
YAML file that share one such mapping share one MAC; files that were joined after encryption are decrypted one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gitops_agent.manifest import marks
from gitops_agent.render.decryption.dotenv import read_dotenv, write_dotenv
from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.json_file import is_envelope, parse_json, write_json
from gitops_agent.render.decryption.mac import Secret, opened
from gitops_agent.render.decryption.metadata import KeySlot, Metadata, metadata_of
from gitops_agent.render.decryption.yaml_file import read_yaml, write_yaml

LARGEST_BYTES = 5 * 1024 * 1024
_YAML = (".yaml", ".yml")
_JSON = (".json",)
_ENV = (".env",)
_MARK = b"ENC[AES256_GCM,"
_BLOCK = re.compile(rb"""^(?:---[ \t]+)?["']?sops["']?[ \t]*:|"sops"[ \t\r\n]*:""", re.MULTILINE)
_FLAT = re.compile(rb"^sops_(?:mac|version|lastmodified)=", re.MULTILINE)
_DATA = ("/data/", "/stringData/")
_IDENTITY = ("/apiVersion", "/kind", "/metadata/")
_BY_DESIGN = (("isindir.github.com/", "SopsSecret"),)
"""Kinds whose controllers decrypt them in the cluster."""


class DataKeys(Protocol):
    """Opens encrypted data keys."""

    def data_key(self, slots: Sequence[KeySlot], *, file: str) -> bytes:
        """The data key (32 bytes) of the first usable slot.

        Raises:
            DecryptionFailed: none can be opened.
            KeyUnavailable: none can be opened now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Plaintext:
    """A decrypted file.

    Attributes:
        data: in the format of the encrypted file, without its `sops` mapping.
        secrets: the values that were encrypted, with their places.
    """

    data: bytes = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)


def is_encrypted(data: bytes) -> bool:
    """Whether a file is probably encrypted; cheap."""
    return _MARK in data and (_BLOCK.search(data) is not None or _FLAT.search(data) is not None)


def decrypt(path: str, data: bytes, keys: DataKeys) -> Plaintext | None:
    """The plaintext of a file; None when it stays as it is.

    Args:
        path: its path in the repository.
        data: its content.
        keys: open the data key.

    Raises:
        DecryptionFailed: it cannot be decrypted, or was changed after it was encrypted.
        KeyUnavailable: its key cannot be had now.
    """
    if not is_encrypted(data):
        return None
    if len(data) > LARGEST_BYTES:
        raise DecryptionFailed(path, f"is encrypted and holds {len(data)} bytes, more than the {LARGEST_BYTES} allowed")
    if path.endswith(_ENV) or (not path.endswith((*_YAML, *_JSON)) and _FLAT.search(data)):
        return _dotenv(path, data, keys)
    if path.endswith(_JSON) or (not path.endswith(_YAML) and data.lstrip()[:1] == b"{"):
        return _json(path, data, keys)
    return _yaml(path, data, keys)


def _dotenv(path: str, data: bytes, keys: DataKeys) -> Plaintext | None:
    values, block = read_dotenv(data, file=path)
    if not block:
        return None
    documents, secrets = _opened([values], block, path, keys)
    return Plaintext(data=write_dotenv(documents[0], file=path), secrets=tuple(secrets))


def _json(path: str, data: bytes, keys: DataKeys) -> Plaintext | None:
    value = parse_json(data, file=path)
    if "sops" not in value or stays_encrypted(value):
        return None
    whole = is_envelope(value) and not path.endswith(_JSON)
    block = value.pop("sops")
    documents, secrets = _opened([value], block, path, keys)
    if whole:
        content = documents[0]["data"]
        return Plaintext(data=content if isinstance(content, bytes) else str(content).encode(), secrets=tuple(secrets))
    _check_text(secrets, path)
    if _is_object(documents[0]):
        secrets = _of_objects(documents, secrets)
    return Plaintext(data=write_json(documents[0]), secrets=tuple(secrets))


def _yaml(path: str, data: bytes, keys: DataKeys) -> Plaintext | None:
    documents = read_yaml(data, file=path)
    if not any(isinstance(document, dict) and "sops" in document for document in documents):
        return None
    if any(stays_encrypted(document) for document in documents):
        return None
    plain: list[Any] = []
    secrets: list[Secret] = []
    for block, group in _groups(documents):
        if block is None:
            plain += group
            continue
        values, more = _opened(group, block, path, keys)
        plain += values
        secrets += more if not any(map(_is_object, values)) else _of_objects(values, more)
    _check_text(secrets, path)
    return Plaintext(data=write_yaml([document for document in plain if document is not None]), secrets=tuple(secrets))


def _groups(documents: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Documents that share one `sops` mapping, without it."""
    groups: list[tuple[Any, list[Any]]] = []
    for document in documents:
        block = document.get("sops") if isinstance(document, dict) else None
        body = {name: value for name, value in document.items() if name != "sops"} if block is not None else document
        if groups and (block is None or block == groups[-1][0]):
            groups[-1][1].append(body)
        else:
            groups.append((block, [body]))
    return groups


def _is_object(document: Any) -> bool:
    return isinstance(document, dict) and "apiVersion" in document and "kind" in document


def _of_objects(documents: Sequence[Any], secrets: Sequence[Secret]) -> list[Secret]:
    """The secret values of Kubernetes objects, whose names and types are none."""
    only_secrets = all(document.get("kind") == "Secret" for document in documents if isinstance(document, dict))
    if only_secrets:
        return [secret for secret in secrets if secret[0].startswith(_DATA)]
    return [secret for secret in secrets if not secret[0].startswith(_IDENTITY)]


def _opened(documents: Sequence[Any], block: Any, path: str, keys: DataKeys) -> tuple[list[Any], list[Secret]]:
    metadata: Metadata = metadata_of(block, file=path)
    return opened(documents, metadata, keys.data_key(metadata.slots, file=path), file=path)


def stays_encrypted(document: Any) -> bool:
    """Whether an object is to reach the cluster encrypted."""
    if not isinstance(document, dict):
        return False
    version, kind = document.get("apiVersion"), document.get("kind")
    if any(isinstance(version, str) and version.startswith(group) and kind == name for group, name in _BY_DESIGN):
        return True
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and any(annotations.get(name) == "disabled" for name in marks.DECRYPT)


def _check_text(secrets: Sequence[Secret], path: str) -> None:
    pointer = next((pointer for pointer, value in secrets if isinstance(value, bytes)), None)
    if pointer is not None:
        raise DecryptionFailed(path, f"{pointer} is not UTF-8, which an object cannot hold: encrypt its base64 form in data")
