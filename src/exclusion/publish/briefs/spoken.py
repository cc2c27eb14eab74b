"""Numbers as people say them: two figures that matter, shares as "1 in 7", ranges with both ends."""

import math

_ONES = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def leading(value: float, figures: int = 2) -> int:
    """Return a number rounded to its leading figures, half up: 1,437 becomes 1,400 and 96 stays 96."""
    if value == 0 or not math.isfinite(value):
        return 0
    size = 10 ** max(0, math.floor(math.log10(abs(value))) - figures + 1)
    return int(math.copysign(math.floor(abs(value) / size + 0.5) * size, value))


def amount(value: float, figures: int = 2) -> str:
    """Return a number as it is said: "1,400", "38,000", "1.4 million"."""
    found = leading(value, figures)
    if abs(found) >= 1_000_000:
        return f"{found / 1e6:.{max(1, figures - 1)}f}".rstrip("0").rstrip(".") + " million"
    return f"{found:,}"


def apart(low: float, middle: float, high: float) -> int:
    """Return how many figures tell an estimate from both ends of its range: two, and up to four for a narrow range."""
    for figures in (2, 3):
        if len({leading(value, figures) for value in (low, middle, high)}) == 3:
            return figures
    return 2 if leading(low, 4) == leading(high, 4) else 4


def people(value: float) -> str:
    """Return how many people: "about 1,400", "fewer than 10", "nobody"."""
    if value < 0.5:
        return "nobody"
    return "fewer than 10" if value < 9.5 else f"about {amount(value)}"


def between(low: float, high: float, figures: int = 2) -> str:
    """Return a range: "between 9,800 and 19,000", or "about 50" where both ends are said alike."""
    if amount(low, figures) == amount(high, figures):
        return f"about {amount(low, figures)}"
    return f"between {amount(max(low, 0.0), figures)} and {amount(high, figures)}"


def one_in(pct: float) -> str:
    """Return a share: "about 1 in 7", "about 6 in 10", "about 3 in 100"."""
    if pct < 0.5:
        return "fewer than 1 in 100"
    if pct < 5:
        return f"about {math.floor(pct + 0.5)} in 100"
    if pct < 35:
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


def likely_range(what: str, low: float, count: float, high: float) -> str:
    """Return the range of people offline with what it does not hold: whether the national level is right."""
    return f"{what} is likely {between(low, high, apart(low, count, high))}, if the national figure behind it is right."
