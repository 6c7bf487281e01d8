"""Replaces variables in rendered objects.

Flux replaces in YAML text and parses the result: a value with a colon or a line break changes what the document is, and a
number needs tricks with quotes. Here the parsed values are replaced, so no value can be more than a value. Keys, kinds and API
versions stay as they are, and so do definitions of kinds and objects that opt out. For repositories that rely on the text,
`flux` does as Flux does, one object at a time.

All that is wrong is collected first: an author wants every undefined name at once. The value of a Secret may go into the data
of Secrets and nowhere else, which is known here for each spot, however short the value is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gitops_agent.api.render_options import Compatibility, SubstitutionPlace, Undefined, Variables
from gitops_agent.errors import RenderError, did_you_mean
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import CRD
from gitops_agent.manifest.leaves import leaves
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import SUBSTITUTE
from gitops_agent.manifest.yaml import dump, load_all
from gitops_agent.render.objects import problem_of
from gitops_agent.render.secret_exposure import SecretExposed
from gitops_agent.render.variables.evaluation import LARGEST, Evaluated, Evaluator, inferred
from gitops_agent.render.variables.expression import Call, Malformed, parse
from gitops_agent.render.variables.text_fields import is_text
from gitops_agent.render.variables.variable import Variable

OPT_OUTS = (SUBSTITUTE, "kustomize.toolkit.fluxcd.io/substitute")
"""Labels and annotations that exempt an object with the value `disabled`."""

_SHOWN = 20
_FACTS = 25

_IDENTITY = (("apiVersion",), ("kind",))
_NAMES = (("metadata", "name"), ("metadata", "generateName"), ("metadata", "namespace"))
_WARNINGS = 20
_POSITION = re.compile(r"\[([0-9]+)\]")
_HINT = "give it a value, write $${NAME} for what is no variable, or exempt the object with the annotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """A value of an object."""

    manifest: Manifest
    steps: tuple[str, ...]

    def __str__(self) -> str:
        obj = self.manifest.obj
        names = [self.manifest.key.namespace, self.manifest.key.name]
        pointer = "".join(f"/{_token(step)}" for step in self.steps)
        file = f"{self.manifest.file} " if self.manifest.file else ""
        return f"{file}{obj.get('kind')} {'/'.join(name for name in names if name)} {pointer}".strip()


class Substitution:
    """Replaces the variables of one render.

    Args:
        options: what the spec says.
        variables: the values.
        limit: characters that all values may have together.

    Attributes:
        begun: all files were read, and the rest depends on them and on the values that were used.
    """

    def __init__(self, options: Variables, variables: Sequence[Variable], *, limit: int) -> None:
        self._options = options
        self._flux = options.compatibility is Compatibility.FLUX
        self._variables = {variable.name: _single_line(variable) if self._flux else variable for variable in variables}
        empty = options.undefined is Undefined.EMPTY
        self._evaluator = Evaluator(self._variables, empty=empty, flux=self._flux)
        self._parsed = lru_cache(maxsize=4096)(parse)
        self._left = limit
        self.begun = False
        self._undefined: list[tuple[_Spot, str]] = []
        self._malformed: list[tuple[_Spot, str, str]] = []
        self._exposed: list[tuple[_Spot, Variable]] = []
        self._kept: list[tuple[_Spot, str]] = []

    @property
    def used(self) -> tuple[str, ...]:
        """The names that were looked up, sorted."""
        return tuple(sorted(self._evaluator.used))

    @property
    def renames(self) -> bool:
        """Whether variables are replaced in names."""
        return self._flux or SubstitutionPlace.NAMES in self._options.places

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left as it is."""
        rows = [f"{spot} keeps {text}, which is not replaced" for spot, text in self._kept]
        return (*rows[:_WARNINGS], *([f"and {len(rows) - _WARNINGS} more"] if len(rows) > _WARNINGS else []))

    def replaced(self, manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
        """The manifests with values for variables.

        Raises:
            SecretExposed: the value of a Secret would be in another object.
            RenderError: names are undefined or expressions malformed; all of them are listed.
        """
        self.begun = True
        result = tuple(self._object(manifest) for manifest in manifests)
        self._refuse_exposed()
        self._refuse_undefined()
        for manifest in result:
            if (problem := problem_of(manifest.obj)) is not None:
                text = f"{manifest.place}: with its variables replaced, the object {problem}"
                raise RenderError(text, reason="InvalidManifest", file=manifest.file)
        return result

    def _object(self, manifest: Manifest) -> Manifest:
        obj = manifest.obj
        if _exempt(obj) or (manifest.key.group_kind == CRD and not self._flux) or not _mentions(obj):
            return manifest
        value = self._as_text(manifest) if self._flux else self._walk(obj, manifest, ())
        return manifest if value is obj else manifest.with_object(value)

    def _walk(self, value: Any, manifest: Manifest, steps: tuple[str, ...]) -> Any:
        """The value, itself where nothing was replaced."""
        if isinstance(value, dict):
            changed = {name: self._walk(below, manifest, (*steps, name)) for name, below in value.items()}
            for name in value:
                if "${" in name:
                    self._kept.append((_Spot(manifest=manifest, steps=steps), f"the key {name[:80]!r}"))
            return changed if any(changed[name] is not value[name] for name in value) else value
        if isinstance(value, list):
            items = [self._walk(below, manifest, (*steps, f"[{index}]")) for index, below in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return self._scalar(value, manifest, steps) if isinstance(value, str) and "${" in value else value

    def _scalar(self, text: str, manifest: Manifest, steps: tuple[str, ...]) -> Any:
        spot = _Spot(manifest=manifest, steps=steps)
        if not self._replaces(steps):
            self._kept.append((spot, text[:80]))
            return text
        parts = self._parsed(text)
        result = self._evaluator.evaluate(parts)
        self._check_secrets(spot, result, hidden=_is_hidden(manifest.obj, steps))
        if self._keeps(spot, result):
            return _kept(parts, self._evaluator)
        self._left -= len(result.value) if isinstance(result.value, str) else 1
        if self._left < 0:
            raise RenderError("the objects are too large with the values of variables", reason="RenderTooLarge")
        if is_text(str(manifest.obj.get("kind")), steps):
            return result.value if isinstance(result.value, str) else str(result.value).lower()
        return inferred(result.value) if isinstance(result.value, str) and not result.literal else result.value

    def _replaces(self, steps: tuple[str, ...]) -> bool:
        if steps in _IDENTITY:
            return False
        kind = SubstitutionPlace.NAMES if steps in _NAMES else SubstitutionPlace.VALUES
        return kind in self._options.places

    def _as_text(self, manifest: Manifest) -> Any:
        """The object replaced as YAML text and parsed again."""
        for steps, text in leaves(manifest.obj):
            for scalar in (text, *steps):
                if isinstance(scalar, str) and "${" in scalar:
                    self._look(_Spot(manifest=manifest, steps=steps), scalar)
        spot = _Spot(manifest=manifest, steps=())
        parts = self._parsed(dump(manifest.obj), flux=True)
        result = self._evaluator.evaluate(parts)
        keeps = self._options.undefined is Undefined.KEEP
        if not keeps and (result.problems or result.missing):
            return manifest.obj
        text = _kept(parts, self._evaluator) if keeps else str(result.value)
        try:
            documents = load_all(text.encode(), file=manifest.file, limits=YamlLimits(bytes=2 * LARGEST))
        except RenderError as error:
            # Its words may hold a value.
            text = f"{spot} is no YAML any more with its variables replaced in its text; use `compatibility: none`"
            raise RenderError(text, reason="InvalidManifest", file=manifest.file) from error
        if len(documents) != 1 or not isinstance(documents[0], dict):
            raise RenderError(f"{spot} is no object any more with its variables replaced", reason="InvalidManifest")
        return documents[0]

    def _look(self, spot: _Spot, text: str) -> None:
        """Checks one value of an object that is replaced as text."""
        result = self._evaluator.evaluate(self._parsed(text, flux=True))
        self._check_secrets(spot, result, hidden=_is_hidden(spot.manifest.obj, spot.steps))
        self._keeps(spot, result)

    def _keeps(self, spot: _Spot, result: Evaluated) -> bool:
        """Takes note of what is wrong; whether it stays as it is."""
        if self._options.undefined is Undefined.KEEP and (result.missing or result.problems):
            sources = [*(f"${{{name}}}" for name in result.missing), *(source for source, _ in result.problems)]
            self._kept += [(spot, source[:80]) for source in sources]
            return True
        self._undefined += [(spot, name) for name in result.missing]
        self._malformed += [(spot, source[:80], problem) for source, problem in result.problems]
        return False

    def _check_secrets(self, spot: _Spot, result: Evaluated, *, hidden: bool) -> None:
        if not hidden:
            self._exposed += [(spot, variable) for variable in result.secrets]

    def _refuse_exposed(self) -> None:
        if not self._exposed:
            return
        rows = [f"{spot} would hold ${{{variable.name}}} of the {variable.source}" for spot, variable in self._exposed]
        spot, variable = self._exposed[0]
        raise SecretExposed(
            f"{_listed(rows)}: the value of a Secret may stand in the data of a Secret only",
            file=spot.manifest.file,
            object=str(spot.manifest.key),
            path="/".join(spot.steps),
            source=variable.source,
        )

    def _refuse_undefined(self) -> None:
        if not self._undefined and not self._malformed:
            return
        rows = [f"{spot}: ${{{name}}} has no value{self._meant(name)}" for spot, name in self._undefined]
        rows += [f"{spot}: the expression {source} {problem}" for spot, source, problem in self._malformed]
        places = [*(spot for spot, _ in self._undefined), *(spot for spot, _, _ in self._malformed)]
        raise RenderError(
            f"{_listed(rows)} ({_HINT} {SUBSTITUTE}: disabled)",
            reason="UndefinedVariable" if self._undefined else "InvalidExpression",
            file=places[0].manifest.file,
            variables=", ".join(dict.fromkeys(name for _, name in self._undefined)),
            places=", ".join(str(spot) for spot in places[:_FACTS]),
        )

    def _meant(self, name: str) -> str:
        close = difflib.get_close_matches(name, self._variables, n=1)
        return did_you_mean([f"${{{candidate}}}" for candidate in close])


def _kept(parts: Sequence[str | Call | Malformed], evaluator: Evaluator) -> str:
    """A text in which what cannot be replaced stays."""
    texts = []
    for part in parts:
        if isinstance(part, Call):
            result = evaluator.evaluate((part,))
            failed = result.missing or result.problems
            texts.append(
                part.source if failed else str(result.value) if isinstance(result.value, str) else str(result.value).lower()
            )
        elif isinstance(part, str):
            texts.append(part)
    return "".join(texts)


def _token(step: str) -> str:
    """A step as JSON pointers spell it."""
    position = _POSITION.fullmatch(step)
    return position[1] if position else step.replace("~", "~0").replace("/", "~1")


def _single_line(variable: Variable) -> Variable:
    """The variable as Flux takes it: text without line breaks."""
    return replace(variable, value=variable.text.replace("\n", ""))


def _exempt(obj: Object) -> bool:
    metadata = obj.get("metadata") or {}
    holders = [metadata.get("annotations"), metadata.get("labels")]
    return any(isinstance(holder, dict) and holder.get(name) == "disabled" for holder in holders for name in OPT_OUTS)


def _mentions(value: Any) -> bool:
    """Whether a variable may be anywhere in it."""
    return any("${" in text or "$$" in text for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        below = stack.pop()
        if isinstance(below, dict):
            stack.extend(below.values())
            yield from below
        elif isinstance(below, list):
            stack.extend(below)
        elif isinstance(below, str):
            yield below


def _is_hidden(obj: Object, steps: tuple[str, ...]) -> bool:
    """Whether a value is data of a Secret."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1" and steps[:1] in (("data",), ("stringData",))


def _listed(rows: Sequence[str]) -> str:
    unique = list(dict.fromkeys(rows))
    more = f"; and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return "; ".join(unique[:_SHOWN]) + more
