"""Parameters of notebooks and configuration, held against config/schema.yaml.

The workflow asks before any notebook starts and each notebook asks in its first cell, so that a
bad value meets the same sentence wherever it comes from. A wheel carries a copy of the schema.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

_packaged = Path(__file__).with_name("schema.yaml")
CHECKOUT = None if _packaged.is_file() else Path(__file__).resolve().parents[3]
SCHEMA = CHECKOUT / "config" / "schema.yaml" if CHECKOUT else _packaged

# What the schema says of a key beside its range.
NO_RANGE = {"$defs", "$schema", "additionalProperties", "description"}
NO_RANGE |= {"products", "properties", "required"}


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -math.inf < value < math.inf


# JSON Schema takes 20.0 for an integer and lets NaN pass every bound.
_types = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"integer": _is_integer, "number": _is_number}
)


def _products(
    _: object, limits: Mapping[str, int], values: Mapping[str, Any], __: object
) -> Iterator[ValidationError]:
    """Hold products of keys, such as `input_dim * hidden_dim`, against what they may be."""
    for names, most in limits.items():
        factors = [values.get(name) for name in names.split(" * ")]
        if all(_is_number(None, factor) for factor in factors) and math.prod(factors) > most:
            message = f"{names} = {math.prod(factors)} is not allowed: it must be at most {most}"
            yield ValidationError(message)


Validator = extend(Draft202012Validator, {"products": _products}, type_checker=_types)


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the schema of the whole configuration, in which every key is required."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    for entry in (schema, *schema["properties"].values(), *schema["$defs"].values()):
        if "properties" in entry:
            entry["required"] = list(entry["properties"])
    return schema


def _notebook_schema(notebook: str) -> dict[str, Any]:
    """Return the schema of a notebook's parameters, of one made for sweeps too."""
    schema = load_schema()
    entries = schema["properties"] | schema["$defs"]
    known = {name: entry for name, entry in entries.items() if "properties" in entry}
    if notebook not in known:
        there = ", ".join(known)
        raise ValueError(f"no notebook of the checkout is called {notebook!r}; there are {there}")
    return known[notebook]


def parameter_names(notebook: str) -> list[str]:
    """Return the names of a notebook's parameters, in the schema's order."""
    return list(_notebook_schema(notebook)["properties"])


def allowed(schema: Mapping[str, Any]) -> str:
    """Return what a key's schema says of its range."""
    known = {word: value for word, value in schema.items() if word not in NO_RANGE}
    return yaml.safe_dump(known, default_flow_style=True, sort_keys=False, width=math.inf).strip()


def _sentence(error: ValidationError, where: str) -> str:
    """Name the key, the value and what is allowed."""
    key = ".".join([where, *map(str, error.absolute_path)]).strip(".") or "configuration"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = ", ".join(repr(name) for name in error.instance if name not in known)
        return f"{key}: unknown key {unknown}; known are {', '.join(known)}"
    if error.validator in ("required", "products"):
        return f"{key}: {error.message}"
    return f"{key} = {error.instance!r} is not allowed: it must be {allowed(error.schema)}"


def check_against(schema: Mapping[str, Any], values: Any, where: str = "") -> None:  # noqa: ANN401
    """Hold values against a schema; `where` is what the error calls them."""
    errors = sorted(Validator(schema).iter_errors(values), key=lambda e: str(e.absolute_path))
    if errors:
        raise ValueError("\n".join(_sentence(error, where) for error in errors))


def check_config(config: Mapping[str, Any]) -> None:
    """Hold a whole configuration against the schema, as `check_against` does."""
    check_against(load_schema(), config)


def check_parameters(notebook: str, values: Mapping[str, Any]) -> None:
    """Hold one notebook's parameters against the schema, as `check_against` does.

    No `first_` value may be above the `last_` one of the same name.
    """
    check_against(_notebook_schema(notebook), values, notebook)
    for first in (name for name in values if name.startswith("first_")):
        last = first.replace("first_", "last_")
        if values[first] > values[last]:
            message = f"{first} = {values[first]} is not allowed: it must be at most {last}"
            raise ValueError(f"{notebook}.{message} = {values[last]}")
