"""The interface's words: one catalogue file a language, English where a Welsh term is not settled."""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files


class Words:
    """Look words up by key, with `{name}` places filled in; an unknown key is a programming error."""

    def __init__(self, language: str, entries: Mapping[str, str], english: Collection[str] = ()) -> None:
        """Take a language's entries, and the keys whose text is English because the language has none."""
        self.language = language
        self.entries = dict(entries)
        self.english = frozenset(english)

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of a key with its places filled."""
        text = self.entries[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def get(self, key: str) -> str:
        """Return the text of a key, "" where the catalogue has none."""
        return self.entries.get(key, "")

    def mark(self, key: str = "") -> str:
        """Return the attribute for an element whose text is English on a page that is not, with a blank before it.

        Without a key: for texts that come from data, which are English.
        """
        is_english = self.language != "en" and (not key or key in self.english)
        return ' lang="en-GB"' if is_english else ""

    def starting(self, *prefixes: str) -> dict[str, str]:
        """Return the entries whose keys start with one of the prefixes, for the page's script."""
        return {key: text for key, text in sorted(self.entries.items()) if key.startswith(prefixes)}


def compare_keys(spine: str) -> tuple[str, ...]:
    """Return the keys of what compares with other nations and what does not, for a spine of its own."""
    return tuple(key for key in words_of("en").entries if key.startswith(f"compare.{spine}."))


@cache
def words_of(language: str) -> Words:
    """Return the catalogue of a language ("en" or "cy"); what the Welsh file leaves out is English."""
    folder = files("exclusion.publish.map") / "words"
    entries = _flat(tomllib.loads((folder / "en.toml").read_text(encoding="utf-8")))
    english: set[str] = set()
    if language != "en":
        own = _flat(tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8")))
        unknown = sorted(set(own) - set(entries))
        if unknown:
            raise KeyError(f'words/{language}.toml has a key that words/en.toml lacks: "{unknown[0]}"')
        english = set(entries) - set(own)
        entries.update(own)
    return Words(language, entries, english)


def _flat(tree: Mapping[str, object], before: str = "") -> dict[str, str]:
    """Return nested tables as dotted keys; the key "this" stands for its table's own text."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = before if key == "this" else f"{before}.{key}" if before else key
        if isinstance(value, Mapping):
            flat.update(_flat(value, name))
        else:
            flat[name] = str(value)
    return flat
