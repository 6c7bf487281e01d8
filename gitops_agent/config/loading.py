"""Loads settings from defaults, file, environment and flags, in this order.

A name that does not exist is an error with a suggestion, because a setting that is silently ignored is found out at the worst
moment. Every effective value knows where it came from (`gitops-agent config show`).

Spelling: `source.allowFile` in the file, `GITOPS_AGENT_SOURCE__ALLOW_FILE` in the environment, `source.allow_file` as a flag.
Only variables with a double underscore count: Kubernetes itself adds others, such as `GITOPS_AGENT_PORT`, for a Service.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from gitops_agent.config.settings import PREFIX, SECTION_MARK, Settings, paths, sections, spelled
from gitops_agent.errors import RenderError, UsageError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The effective settings.

    Attributes:
        settings: the values.
        origins: where each came from, by path (`source.allowFile`): `default`, `file …`, `environment …` or `flag`.
    """

    settings: Settings
    origins: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A value that was set explicitly."""

    section: str
    name: str
    value: Any
    origin: str

    @property
    def path(self) -> str:
        return spelled(self.section, self.name) if self.name else self.section


def load(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Loaded:
    """The effective settings.

    Args:
        file: a YAML file, or None.
        environ: the environment; empty values count as not given.
        flags: by path, e.g. `source.allow_file`.

    Raises:
        UsageError: naming every unknown setting with a suggestion, and every value that does not fit.
    """
    given = [*_from_file(file), *_from_environment(environ), *_from_flags(flags)]
    problems = [problem for value in given if (problem := _unknown(value))]
    values: dict[str, dict[str, Any]] = {}
    origins = dict.fromkeys(paths(), "default")
    if not problems:
        for value in given:
            values.setdefault(value.section, {})[to_snake(value.name)] = value.value
            origins[value.path] = value.origin
        try:
            return Loaded(settings=Settings.model_validate(values, by_alias=False, by_name=True), origins=origins)
        except ValidationError as error:
            problems = [_invalid(detail["loc"], detail["msg"], origins) for detail in error.errors(include_url=False)]
    raise UsageError(f"the settings are wrong: {'; '.join(problems)}", problems=problems)


def _from_file(file: Path | None) -> Iterator[_Given]:
    if file is None:
        return
    from gitops_agent.manifest.yaml import load_all

    try:
        documents = load_all(file.read_bytes(), file=str(file))
    except OSError as error:
        raise UsageError(f"the settings file {file} cannot be read: {error.strerror}") from error
    except RenderError as error:
        raise UsageError(f"the settings file {file} is not valid YAML: {error}") from error
    if len(documents) > 1:
        raise UsageError(f"the settings file {file} holds {len(documents)} documents instead of one")
    content = documents[0] if documents and documents[0] is not None else {}
    if not isinstance(content, dict):
        raise UsageError(f"the settings file {file} is not a map of sections")
    for section, values in content.items():
        if isinstance(values, dict) and section in Settings.model_fields:
            for name, value in values.items():
                yield _Given(section=section, name=str(name), value=value, origin=f"file {file}")
        elif values is not None or section not in Settings.model_fields:
            yield _Given(section=str(section), name="", value=values, origin=f"file {file}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    for variable_name in sorted(environ):
        section, mark, name = variable_name.removeprefix(PREFIX).lower().partition(SECTION_MARK)
        if variable_name.startswith(PREFIX) and mark and environ[variable_name]:
            yield _Given(section=section, name=name, value=environ[variable_name], origin=f"environment {variable_name}")


def _from_flags(flags: Mapping[str, str]) -> Iterator[_Given]:
    for path, value in flags.items():
        section, _, name = path.partition(".")
        yield _Given(section=section, name=name, value=value, origin="flag")


def _unknown(value: _Given) -> str | None:
    """The problem of an unknown setting's name, else None."""
    model = sections().get(value.section)
    if model is not None and not value.name:
        return f"{value.section}: is not a map of settings ({value.origin})"
    if model is not None and to_snake(value.name) in model.model_fields:
        return None
    similar = difflib.get_close_matches(value.path, [*paths(), *sections()], n=1, cutoff=0.5)
    return f"{value.path}: is unknown{did_you_mean(similar)} ({value.origin})"


def _invalid(location: tuple[int | str, ...], message: str, origins: Mapping[str, str]) -> str:
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    section, *names = map(str, location)
    path = ".".join([spelled(section, names[0]), *map(to_camel, names[1:])]) if names else section
    origin = origins.get(path) or origins.get(".".join(path.split(".")[:2]))
    return f"{path}: {message[:1].lower()}{message[1:]}{f' ({origin})' if origin else ''}"
