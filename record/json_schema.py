"""Writes docs/verdict.schema.json from the types of `schema.py`.

python -m ddaemon.record.json_schema docs/verdict.schema.json
"""

import json
import sys
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import TypedDictSchema

from .parsing import adapter_of
from .schema import FORMAT, Verdict

HEAD = {
    "$schema": GenerateJsonSchema.schema_dialect,
    "title": f"ddaemon verdict, format {FORMAT}",
    "description": (
        "verdict.json in the outbox, and a line of `ddaemon check --json`. Times are ISO 8601 in "
        "UTC, boxes are [x, y, width, height] in pixels of the displayed frame, t is seconds from "
        "the start of the video."
    ),
}
NULL = {"type": "null"}
# What types can't say: how the decision and the other items go together.
RULES: list[JsonSchemaValue] = [
    {
        "if": {"properties": {"decision": {"const": "not_analysable"}}},
        "then": {
            "properties": {
                "probability": NULL,
                "reason": {"type": "string"},
                "faces": {"maxItems": 0},
                "heatmaps": {"maxItems": 0},
                "envelope": NULL,
                "stability": NULL,
            }
        },
        "else": {
            "properties": {
                "probability": {"type": "number"},
                "reason": NULL,
                "faces": {"minItems": 1},
            }
        },
    }
]


class _Generator(GenerateJsonSchema):
    """Parts without titles, in our order, and closed: an item that no type names is a fault."""

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        found = super().typed_dict_schema(schema)
        return {
            "type": found["type"],
            "properties": found["properties"],
            "required": found["required"],
            "additionalProperties": False,
        }

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value


def schema_text() -> str:
    """The schema of the whole record, as the file holds it."""
    found = adapter_of(Verdict).json_schema(schema_generator=_Generator)
    parts = found.pop("$defs")
    return json.dumps({**HEAD, **found, "allOf": RULES, "$defs": parts}, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
