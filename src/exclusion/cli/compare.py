"""exclusion compare: what moved between two editions, by how much, and why."""

from pathlib import Path


def compare(before: str, after: str, *, out: Path | None = None, home: Path = Path()) -> None:
    """Compare two editions: what moved, why (data, reference, method, boundary), sources and columns that changed.

    Example: exclusion compare northumberland-0a1b2c3d4e northumberland-5f6a7b8c9d --out changes

    Parameters
    ----------
    before
        The earlier edition; `exclusion editions list` names them.
    after
        The later edition.
    out
        A folder for compare.html, compare.csv and compare.md; the summary is printed where it is left out.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.editions.compare import compare as compared
    from exclusion.editions.compare_pages import markdown_of, page_of
    from exclusion.files import write_bytes, write_text
    from exclusion.job import Job
    from exclusion.plan import comparable_edition
    from exclusion.publish.lists import csv_bytes

    job = Job(home=home)
    found = compared(comparable_edition(job, before), comparable_edition(job, after))
    if out is None:
        print(markdown_of(found), end="")
        return
    write_text(out / "compare.md", markdown_of(found))
    write_bytes(out / "compare.html", page_of(found))
    write_bytes(out / "compare.csv", csv_bytes(found.areas, note=found.notice or None))
    print("\n".join(found.summary))
    print(f"compare.html, compare.csv and compare.md written to {out}")
