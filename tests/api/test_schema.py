from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gitops_agent.api.durations import Duration
from gitops_agent.api.model import Model
from gitops_agent.api.schema import structural


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Model):
    """An inner thing."""

    colour: Colour = Colour.RED
    """Its
    colour."""

    needed: Annotated[str, Field(max_length=5)]
    """Needed."""


class Filled(Model):
    wait: Duration = timedelta(minutes=5)
    flag: bool = False


class Outer(Model):
    inner: Inner | None = None
    """Where it is."""

    filled: Filled = Filled()
    many: tuple[Inner, ...] = ()
    text: str = ""
    free: dict[str, Any] = Field(default_factory=dict)
    labels: Annotated[dict[str, str], Field(max_length=4)] = Field(default_factory=dict)


def test_references_and_nulls_are_resolved() -> None:
    inner = structural(Outer)["properties"]["inner"]

    assert inner["properties"]["colour"] == {
        "type": "string",
        "enum": ["red", "blue"],
        "description": "Its colour.",
        "default": "red",
    }
    assert (inner["description"], inner["required"], "default" in inner) == ("Where it is.", ["needed"], False)


def test_an_object_with_defaults_gets_the_empty_default() -> None:
    filled = structural(Outer)["properties"]["filled"]

    assert filled["default"] == {}
    assert {name: part["default"] for name, part in filled["properties"].items()} == {"wait": "5m", "flag": False}


def test_empty_defaults_are_left_out() -> None:
    properties = structural(Outer)["properties"]

    assert ("default" in properties["many"], "default" in properties["text"]) == (False, False)


def test_free_form_maps_keep_what_is_unknown_and_typed_ones_do_not() -> None:
    properties = structural(Outer)["properties"]

    assert properties["free"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert properties["labels"] == {"type": "object", "maxProperties": 4, "additionalProperties": {"type": "string"}}


def test_defaults_can_be_left_to_others() -> None:
    assert "default" not in str(structural(Outer, defaults=False))


def test_nothing_the_api_server_forbids_is_left() -> None:
    text = str(structural(Outer))

    assert not any(word in text for word in ("$ref", "$defs", "anyOf", "title", "'additionalProperties': False"))
