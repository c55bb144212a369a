"""Parameters of notebooks and configuration, held against config/schema.yaml.

The workflow asks before any notebook starts and each notebook asks in its first cell, so that a
bad value meets the same sentence wherever it comes from. The schema is read from the checkout,
in which the package is always installed editable.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

SCHEMA = Path(__file__).resolve().parents[3] / "config" / "schema.yaml"


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and math.isfinite(value)


# JSON Schema takes 20.0 for an integer and lets NaN pass every bound.
_types = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"integer": _is_integer, "number": _is_number}
)
Validator = extend(Draft202012Validator, type_checker=_types)


def load_schema() -> dict[str, Any]:
    """Return the schema of the whole configuration, in which every key is required."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    for entry in (schema, *schema["properties"].values(), *schema["$defs"].values()):
        if "properties" in entry:
            entry["required"] = list(entry["properties"])
    return schema


def _notebooks() -> dict[str, Any]:
    """Return the schema of each notebook's parameters, those made for sweeps included."""
    schema = load_schema()
    entries = schema["properties"] | schema["$defs"]
    return {name: entry for name, entry in entries.items() if "properties" in entry}


def parameter_names(notebook: str) -> list[str]:
    """Return the names of a notebook's parameters, in the schema's order.

    Raises
    ------
    ValueError
        If the schema knows no such notebook.
    """
    notebooks = _notebooks()
    if notebook not in notebooks:
        known = ", ".join(notebooks)
        raise ValueError(f"no notebook is called {notebook!r}; there are {known}")
    return list(notebooks[notebook]["properties"])


def _allowed(schema: Mapping[str, Any]) -> str:
    """Say in words what a schema lets through."""
    if "enum" in schema:
        return "one of " + ", ".join(repr(choice) for choice in schema["enum"])
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
        "minItems": "of at least {} items",
        "minProperties": "of at least {} keys",
        "uniqueItems": "without repetition",
        "pattern": "matching {}",
    }
    bounds = [text.format(schema[key]) for key, text in words.items() if key in schema]
    items = f" of: {_allowed(schema['items'])}" if "items" in schema else ""
    kind = str(schema.get("type", "value"))
    article = "an" if kind[0] in "aio" else "a"
    return " ".join([article, kind, ", ".join(bounds)]).strip() + items


def _sentence(error: ValidationError, where: str) -> str:
    """Name the key, the value and what is allowed."""
    key = ".".join([where, *map(str, error.absolute_path)]).strip(".")
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = ", ".join(repr(name) for name in error.instance if name not in known)
        return f"{key or 'configuration'}: unknown key {unknown}; known are {', '.join(known)}"
    if error.validator == "required":
        missing = ", ".join(n for n in error.validator_value if n not in error.instance)
        return f"{key or 'configuration'}: missing key {missing}"
    allowed = _allowed(error.schema)
    return f"{key or 'configuration'} = {error.instance!r} is not allowed: it must be {allowed}"


def check_against(schema: Mapping[str, Any], values: Any, where: str = "") -> None:  # noqa: ANN401
    """Hold values against a schema; `where` is what the error calls them.

    Raises
    ------
    ValueError
        With a line for each unknown, missing, wrongly typed or out-of-range key.
    """
    errors = sorted(Validator(schema).iter_errors(values), key=lambda e: str(e.absolute_path))
    if errors:
        # jsonschema has an error for each missing key, and each names all of them.
        raise ValueError("\n".join(dict.fromkeys(_sentence(error, where) for error in errors)))


def check_config(config: Mapping[str, Any]) -> None:
    """Hold a whole configuration against the schema.

    Raises
    ------
    ValueError
        With a line for each unknown, missing, wrongly typed or out-of-range key.
    """
    check_against(load_schema(), config)


def check_parameters(notebook: str, values: Mapping[str, Any]) -> None:
    """Hold one notebook's parameters against the schema.

    Raises
    ------
    ValueError
        With a line for each unknown, missing, wrongly typed or out-of-range parameter.
    """
    parameter_names(notebook)
    check_against(_notebooks()[notebook], values, notebook)
