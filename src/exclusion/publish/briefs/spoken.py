"""Numbers as people say them: two figures that matter, shares as "1 in 7", ranges with both ends."""

import math

_ONES = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def two_figures(value: float) -> int:
    """Return a number rounded to its two leading figures, half up: 1,437 becomes 1,400 and 96 stays 96."""
    if value == 0 or not math.isfinite(value):
        return 0
    size = 10 ** max(0, math.floor(math.log10(abs(value))) - 1)
    return int(math.copysign(math.floor(abs(value) / size + 0.5) * size, value))


def amount(value: float) -> str:
    """Return a number as it is said: "1,400", "38,000", "1.4 million"."""
    found = two_figures(value)
    if abs(found) >= 1_000_000:
        return f"{found / 1e6:.1f} million".replace(".0 ", " ")
    return f"{found:,}"


def people(value: float) -> str:
    """Return how many people: "about 1,400", "fewer than 10", "nobody"."""
    if value < 0.5:
        return "nobody"
    return "fewer than 10" if value < 9.5 else f"about {amount(value)}"


def between(low: float, high: float) -> str:
    """Return a range: "between 9,800 and 19,000", or "about 50" where both ends are said alike."""
    if amount(low) == amount(high):
        return f"about {amount(low)}"
    return f"between {amount(max(low, 0.0))} and {amount(high)}"


def one_in(pct: float) -> str:
    """Return a share: "about 1 in 7", "about 6 in 10", "about 3 in 100"."""
    if pct < 0.5:
        return "fewer than 1 in 100"
    if pct < 5:
        return f"about {math.floor(pct + 0.5)} in 100"
    if pct <= 34:
        return f"about 1 in {math.floor(100 / pct + 0.5)}"
    if pct >= 95:
        return "nearly all"
    return f"about {min(9, math.floor(pct / 10 + 0.5))} in 10"


def small(count: int) -> str:
    """Return a count, in words up to ten."""
    return _ONES[count] if 0 <= count <= 10 else f"{count:,}"


def ordinal(rank: float) -> str:
    """Return a rank: 1st, 22nd, 113th, 1,204th."""
    number = int(rank)
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def money(low: float, high: float) -> str:
    """Return a range of pounds a year; a low end below zero is said as a cost."""
    if low < 0:
        return f"from a cost of £{amount(-low)} to a saving of £{amount(max(high, 0.0))}"
    return f"between £{amount(low)} and £{amount(high)}"


def minutes(value: float) -> str:
    """Return minutes as people say them: to the minute, from half an hour on to five minutes."""
    whole = math.floor(value + 0.5)
    if whole >= 30:
        whole = 5 * math.floor(value / 5 + 0.5)
    return f"about {whole} minute{'s' if whole != 1 else ''}"
