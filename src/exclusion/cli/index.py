"""exclusion index: check an index specification before it is used."""

from cyclopts import App

app = App(name="index", help="Check an index specification.", help_format="plaintext")


@app.command
def check(spec: str = "default") -> None:
    """Print a specification's tree, its weights as stated and every warning; exit 2 where it is not valid.

    Example: exclusion index check default

    Parameters
    ----------
    spec
        The name of a shipped specification (default, deri, imd2025) or a path to a TOML file.
    """
    from exclusion.index.check import check_text
    from exclusion.index.spec import load_spec

    print(check_text(load_spec(spec)))
