"""The tree of commands; each command is imported only when it runs."""

from cyclopts import App

from exclusion import __version__
from exclusion.cli import EXIT_CODES

_EPILOGUE = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

# Each command and where it lives; its own docstring is its help.
COMMANDS = (
    ("run", "exclusion.cli.run:run"),
    ("plan", "exclusion.cli.run:plan"),
    ("rank", "exclusion.cli.rank:rank"),
    ("site", "exclusion.cli.site:app"),
    ("brief", "exclusion.cli.brief:brief"),
    ("compare", "exclusion.cli.compare:compare"),
    ("places", "exclusion.cli.places:places"),
    ("points", "exclusion.cli.points:points"),
    ("sources", "exclusion.cli.sources:app"),
    ("editions", "exclusion.cli.editions:app"),
    ("publish", "exclusion.cli.publish:publish"),
    ("index", "exclusion.cli.index:app"),
    ("backtest", "exclusion.cli.backtest:backtest"),
    ("demo", "exclusion.cli.demo:demo"),
)

app = App(
    name="exclusion",
    help="Who is left out as services go online, where, why, and where one more champion would help most.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    # Ours says what is kept; see `exclusion.cli.main`.
    suppress_keyboard_interrupt=False,
)
for _name, _target in COMMANDS:
    app.command(_target, name=_name)
