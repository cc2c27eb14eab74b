"""Names of places as people write them, folded so that they can be compared."""

import re
import unicodedata


def fold_name(name: str) -> str:
    """Return a name without case, accents and punctuation."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", text.replace("&", " and ")).strip()


def known_as(neighbourhood: object, official: str) -> str:
    """Return what residents call an area's neighbourhood beside its official name, or that alone where it is null."""
    return f"{neighbourhood} ({official})" if isinstance(neighbourhood, str) else official


def loosen_name(name: str) -> str:
    """Return a folded name without the words for its kind, so that "Durham" finds County Durham."""
    words = fold_name(name).split()
    kinds = {"city", "of", "the", "county", "borough", "district", "council", "royal", "london"}
    return " ".join(word for word in words if word not in kinds) or " ".join(words)
