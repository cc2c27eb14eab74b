"""What is wrong with a spec file, in one sentence that says where and what to do."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError


def fault_sentence(fault: ValidationError, data: dict[str, Any], known_keys: Sequence[str]) -> str:
    """Return one sentence on the first error, unknown keys first because they often cause the others.

    `data` is the content of the file, `known_keys` every key of any section, to guess what was meant.
    """
    errors = sorted(fault.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = errors[0]
    place = _place(first["loc"], data)
    key = str(first["loc"][-1]) if first["loc"] else ""
    more = len(errors) - 1
    rest = f" ({more} more problem{'s follow' if more != 1 else ' follows'}.)" if more else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known_keys, n=1)
        hint = "remove it or look up its name in docs/method-index.md."
        if near:
            hint = (
                "that key belongs to another section; move or remove it."
                if near[0] == key
                else f"did you mean `{near[0]}`?"
            )
        return f"unknown key `{key}` in {_place(first['loc'][:-1], data)}; {hint}{rest}"
    if first["type"] == "missing":
        why = (
            ' (write direction = "+" if a high value means more excluded, "-" if less)'
            if key == "direction"
            else ""
        )
        return f"`{key}` is missing in {_place(first['loc'][:-1], data)}; add it{why}.{rest}"
    return f"{place}: {_plain(first)}; correct it.{rest}"


def _plain(error: Any) -> str:
    """Return what is wrong with one value, without the words of the library that found it."""
    kind, given = error["type"], error.get("input")
    context = error.get("ctx", {})
    said = repr(given) if isinstance(given, str | int | float | bool) else "what stands there"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    limits = {
        "greater_than": ("above", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("below", "lt"),
        "less_than_equal": ("at most", "le"),
    }
    if kind in limits:
        word, key = limits[kind]
        share = isinstance(given, int | float) and context[key] == 1 and 1 < given <= 100
        hint = f" (a share of 1: write {given / 100:g} for {given:g}%)" if share else ""
        return f"{said} has to be {word} {context[key]:g}{hint}"
    wanted = {
        "tuple_type": 'a list in square brackets, such as ["a", "b"]',
        "float_type": "a number without quotes",
        "float_parsing": "a number without quotes, such as 0.35",
        "finite_number": "a number",
        "int_type": "a whole number",
        "int_parsing": "a whole number without quotes",
        "int_from_float": "a whole number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "string_type": "a text in quotes",
        "model_type": "a section of its own, in square brackets",
        "dict_type": "a section of its own, in square brackets",
        "too_short": "a list with something in it",
        "string_too_short": "a text that says something",
    }
    if kind in wanted:
        return f"{said} has to be {wanted[kind]}"
    if kind == "literal_error":
        return f"{said} has to be one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return f"{said} is not written as it has to be (pattern {context['pattern']})"
    return str(error["msg"])


def _place(loc: tuple[int | str, ...], data: dict[str, Any]) -> str:
    if len(loc) >= 2 and loc[0] == "indicator" and isinstance(loc[1], int):
        entry = data["indicator"][loc[1]]
        name = entry.get("id", f"number {loc[1] + 1}") if isinstance(entry, dict) else f"number {loc[1] + 1}"
        tail = ".".join(str(part) for part in loc[2:])
        return f"indicator `{name}`" + (f" ({tail})" if tail else "")
    if not loc:
        return "the file"
    return "`" + ".".join(str(part) for part in loc) + "`"
