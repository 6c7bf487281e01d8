"""Base of every custom resource model, with its CEL validation rules.

Problem: the API server checks what is written today, the agent meets what was stored yesterday under an older schema. Both must
say the same. Decision: one model holds a rule twice, side by side: as CEL (`Rule.cel`, it ends in the CRD) and as Python
(`Rule.holds`, run after validation); a test sends the same objects through both and compares the verdicts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition between the fields of one model.

    Attributes:
        cel: over `self`, as the API server evaluates it.
        holds: the same over the model.
        message: what a person reads when it does not hold.
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str


class Model(BaseModel):
    """A part of a resource: camelCase in YAML, immutable, no unknown fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        result = handler(schema)
        if cls.RULES:
            rules = [{"rule": rule.cel, "message": rule.message} for rule in cls.RULES]
            handler.resolve_ref_schema(result)["x-kubernetes-validations"] = rules
        return result

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        for rule in self.RULES:
            if not rule.holds(self):
                raise PydanticCustomError("rule", "{text}", {"text": rule.message})
        return self
