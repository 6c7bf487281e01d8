from __future__ import annotations

import re

from gitops_agent.server.openapi import document
from gitops_agent.server.routes import PREFIX, ROUTES

DOCUMENT = document()


def test_every_route_has_its_operation_with_the_parameters_of_its_path() -> None:
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        names = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert names == set(re.findall(r"\{(\w+)\}", route.path)), route.name


def test_every_reference_leads_somewhere() -> None:
    parts = DOCUMENT["components"]

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(part) for part in value.values()))
        return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()

    for reference in references(DOCUMENT):
        _, _, kind, name = reference.split("/")
        assert name in parts[kind]


def test_all_paths_carry_the_version_of_the_api() -> None:
    assert all(path.startswith(PREFIX) for path in DOCUMENT["paths"])


def test_operations_have_names_of_their_own() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_a_row_is_an_array_whose_places_are_described() -> None:
    row = DOCUMENT["components"]["schemas"]["ApplicationRow"]

    assert row["type"] == "array"
    assert all(place.get("description") or "$ref" in place for place in row["prefixItems"])
