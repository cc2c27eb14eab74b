"""What a brief says of money: a range, whose money it is, and what is not in it."""

from exclusion.publish.briefs.spoken import amount, money
from exclusion.siting.benefit import BenefitParameters, benefit_of

# Fewer people than this are not worth a venue, and a saving for them would be pence.
FEW = 9.5


def far_saving(beyond: float | None, parameters: BenefitParameters | None) -> tuple[str, ...]:
    """Return what help near all those who live far from it might save; `beyond` counts them, None where it is not known."""
    if beyond is None:
        return ("We cannot say, since we do not know where help is given here.",)
    if beyond < FEW:
        who = "Nobody is" if beyond < 0.5 else "Few people are"
        return (f"{who} far from help here, so a new venue would save little.",)
    return (
        "If help came near to those who live far from it:",
        *saving(beyond, parameters),
    )


def _fewer_contacts(low: float, central: float, high: float, price_year: int) -> str:
    """Return what fewer visits and calls might save a council a year, the likely figure before its range."""
    likely = f"about £{amount(central)}" if central > 0 else "nothing"
    return f"Fewer visits and calls might save the council {likely} a year ({money(low, high)}, in {price_year} prices)."


def saving(gained: float, parameters: BenefitParameters | None) -> tuple[str, ...]:
    """Return what it might save that so many people newly live within reach of help."""
    found = benefit_of(gained, parameters)
    year, users = found.saving_per_year, found.new_users
    new = (
        f"{amount(users.low)} to {amount(users.high)} of them" if users.high >= 1.5 else "one of them at most"
    )
    return (
        f"{new[0].upper()}{new[1:]} might learn to use services online.",
        _fewer_contacts(year.low, year.central, year.high, found.price_year),
        "Much of it is staff time, not cash. Put in your own costs for a better guess.",
        "What it is worth to people to be online is not in this sum.",
    )
