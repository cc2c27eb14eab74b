"""Reading speed and memory of the two largest text files, beside plain pandas, each in a fresh process.

Makes, in a temporary folder and from a seed, an Ofcom output-area file (188,880 rows x 37 columns) with its lookup
to 35,672 areas, and Ofcom postcode files (1.74 million rows x 20 columns in 121 files), then reads each with our
reader and with plain pandas, and checks that both give the same figures. The postcode files are read as they lie in
a folder, and once more out of the zip, whose unpacking by zlib costs both sides the same. CPU seconds are user +
system of the work alone, after one go on a few rows; peak memory is the highest resident size above that before the
work began.

    python benchmarks/readers.py            # both; about two minutes
    python benchmarks/readers.py --small    # a tenth of the rows, to see that it works
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from exclusion.demo.layout_ofcom import COUNTS, SHARES


def nested_counts(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return premises and the 17 counts of each row, thresholds nesting as Ofcom's do."""
    premises = rng.integers(60, 240, rows)
    falling = [premises]
    for share in (0.97, 0.93, 0.9, 0.97):
        falling.append(rng.binomial(falling[-1], share))
    sfbb, ufbb100, ufbb300, gigabit = falling[1:]
    below30 = premises - sfbb
    below10 = rng.binomial(below30, 0.4)
    below5 = rng.binomial(below10, 0.4)
    below2 = rng.binomial(below5, 0.4)
    bands = [below2, below5 - below2, below10 - below5, below30 - below10, sfbb - ufbb300, ufbb300]
    columns = [
        sfbb,
        ufbb100,
        ufbb300,
        gigabit,
        ufbb100,
        rng.binomial(below10, 0.5),
        sfbb,
        below2,
        below5,
        below10,
        below30,
        *bands,
    ]
    return np.column_stack([premises, *columns])


def make(folder: Path, scale: float) -> None:
    """Write the made files: plain CSV for output areas, one zip of 121 CSVs for postcodes."""
    rng = np.random.default_rng(20260713)
    oas, lsoas = int(188_880 * scale), int(35_672 * scale)
    values = nested_counts(rng, oas)
    shares = np.round(100 * values[:, 1:] / values[:, :1], 1)
    codes = [f"E00{i:06d}" for i in range(1, oas + 1)]
    frame = pd.DataFrame(
        {"output_area": codes, "All Premises": values[:, 0], "All Matched Premises": values[:, 0]}
    )
    frame = pd.concat(
        [frame, pd.DataFrame(shares, columns=SHARES), pd.DataFrame(values[:, 1:], columns=COUNTS)], axis=1
    )
    assert frame.shape == (oas, 37)
    frame.to_csv(
        folder / "202601_fixed_oa_coverage_r1.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n"
    )
    area = np.sort(np.concatenate([np.arange(lsoas), rng.integers(0, lsoas, oas - lsoas)]))
    lookup = pd.DataFrame({"oa21cd": codes, "lsoa21cd": [f"E01{a + 1:06d}" for a in area]})
    lookup.to_parquet(folder / "lookup.parquet")
    rows = int(1_741_096 * scale)
    files = 121 if scale == 1 else 13
    with zipfile.ZipFile(
        folder / "202601_fixed_pc_coverage_r2.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        for number, size in enumerate(np.diff(np.linspace(0, rows, files + 1).astype(int))):
            values = nested_counts(rng, size)
            shares = np.round(100 * values[:, 1:] / values[:, :1], 1)
            name = (
                f"A{chr(65 + number % 26)}"
                if number < 26
                else f"{chr(65 + number // 26)}{chr(65 + number % 26)}"
            )
            order = np.arange(size)
            spaced = [
                f"{name}{10 + i // 4000} {i // 400 % 10}{letters[i // 20 % 20]}{letters[i % 20]}"
                for i in order
            ]
            part = pd.DataFrame(
                {
                    "postcode": [s.replace(" ", "") for s in spaced],
                    "postcode_space": spaced,
                    "postcode area": name,
                }
            )
            part = pd.concat([part, pd.DataFrame(shares, columns=SHARES)], axis=1)
            text = part.to_csv(index=False, lineterminator="\r\n").encode(
                "utf-8-sig" if number % 60 else "utf-8"
            )
            member = f"postcode_files/202601_fixed_pc_coverage_r2_{name}.csv"
            archive.writestr(member, text)
            (folder / member).parent.mkdir(exist_ok=True)
            (folder / member).write_bytes(text)


def source(name: str):
    """Return a catalogue entry with the reader's options alone."""
    from exclusion.sources.catalogue import catalogue

    return (
        catalogue().source("ofcom_fixed_coverage_oa").model_copy(update={"id": name, "expected_rows": None})
    )


def ours_oa(folder: Path, lookup: pd.DataFrame) -> dict[str, float]:
    from exclusion.sources.readers_ofcom import read_ofcom_oa_coverage_csv, sum_to_lsoa

    table = read_ofcom_oa_coverage_csv(folder / "202601_fixed_oa_coverage_r1.csv", source("benchmark"))
    areas = sum_to_lsoa(table, lookup)
    return {
        "areas": len(areas),
        "premises": int(areas["premises"].sum()),
        "gigabit": int(areas["premises_gigabit"].sum()),
    }


def pandas_oa(folder: Path, lookup: pd.DataFrame) -> dict[str, float]:
    table = pd.read_csv(folder / "202601_fixed_oa_coverage_r1.csv", encoding="utf-8-sig")
    joined = table.merge(lookup, left_on="output_area", right_on="oa21cd", how="left")
    areas = joined.groupby("lsoa21cd")[["All Premises", "All Matched Premises", *COUNTS]].sum()
    return {
        "areas": len(areas),
        "premises": int(areas["All Premises"].sum()),
        "gigabit": int(areas[COUNTS[3]].sum()),
    }


def ours_postcodes(folder: Path, _: pd.DataFrame) -> dict[str, float]:
    from exclusion.sources.archives import open_plain
    from exclusion.sources.readers_ofcom import postcode_coverage
    from exclusion.sources.readers_wide_parts import Part

    paths = sorted((folder / "postcode_files").iterdir())
    parts = [Part(p.name, p.stat().st_size, lambda p=p: open_plain(p)) for p in paths]
    table = postcode_coverage(parts, source("benchmark"), "postcode_files")
    return {"rows": len(table), "gigabit": round(float(table["gigabit_pct"].astype("float64").mean()), 3)}


def pandas_postcodes(folder: Path, _: pd.DataFrame) -> dict[str, float]:
    paths = sorted((folder / "postcode_files").iterdir())
    table = pd.concat([pd.read_csv(path, encoding="utf-8-sig") for path in paths], ignore_index=True)
    return {"rows": len(table), "gigabit": round(float(table[SHARES[3]].mean()), 3)}


def ours_postcodes_zip(folder: Path, _: pd.DataFrame) -> dict[str, float]:
    from exclusion.sources.readers_ofcom import read_ofcom_postcode_coverage

    table = read_ofcom_postcode_coverage(folder / "202601_fixed_pc_coverage_r2.zip", source("benchmark"))
    return {"rows": len(table), "gigabit": round(float(table["gigabit_pct"].astype("float64").mean()), 3)}


def pandas_postcodes_zip(folder: Path, _: pd.DataFrame) -> dict[str, float]:
    parts = []
    with zipfile.ZipFile(folder / "202601_fixed_pc_coverage_r2.zip") as archive:
        for name in archive.namelist():
            with archive.open(name) as stream:
                parts.append(pd.read_csv(stream, encoding="utf-8-sig"))
    table = pd.concat(parts, ignore_index=True)
    return {"rows": len(table), "gigabit": round(float(table[SHARES[3]].mean()), 3)}


WORK = {
    "ours_oa": ours_oa,
    "pandas_oa": pandas_oa,
    "ours_postcodes": ours_postcodes,
    "pandas_postcodes": pandas_postcodes,
    "ours_postcodes_zip": ours_postcodes_zip,
    "pandas_postcodes_zip": pandas_postcodes_zip,
}


def warm(name: str) -> None:
    """Do the work once on a few rows, so that neither side is charged for what is loaded or compiled once."""
    import pandera.pandas

    from exclusion.sources import readers_ofcom, readers_wide

    # pandera imports its back ends, geopandas among them, with the first table it checks.
    pandera.pandas.DataFrameSchema({"a": pandera.pandas.Column(int)}).validate(
        pd.DataFrame({"a": [1]}), lazy=True
    )
    large, many = readers_wide._LARGE, readers_ofcom._MANY  # noqa: SLF001
    readers_wide._LARGE = readers_ofcom._MANY = 0  # noqa: SLF001 - the way that large files take
    with tempfile.TemporaryDirectory() as small:
        make(Path(small), 0.002)
        WORK[name](Path(small), pd.read_parquet(Path(small) / "lookup.parquet"))
    readers_wide._LARGE, readers_ofcom._MANY = large, many  # noqa: SLF001


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def run(name: str, folder: Path) -> None:
    """Do one piece of work in this process and print its figures as JSON."""
    warm(name)
    lookup = pd.read_parquet(folder / "lookup.parquet")
    before = resident_mb()
    # The high-water mark of resident memory starts anew here, so that imports are not counted.
    Path("/proc/self/clear_refs").write_text("5")
    started, clock = time.process_time(), time.perf_counter()
    answer = WORK[name](folder, lookup)
    seconds, wall = time.process_time() - started, time.perf_counter() - clock
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
    print(
        json.dumps(
            {"cpu_s": seconds, "wall_s": wall, "peak_mb": peak - before, "whole_mb": peak, "answer": answer}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--run", nargs=2, metavar=("WORK", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run[0], Path(arguments.run[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, 0.1 if arguments.small else 1.0)
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            print(f"{path.name}: {path.stat().st_size / 1e6:,.0f} MB")
        print(f"{'work':<22}{'CPU s':>8}{'clock s':>9}{'peak MB above start':>22}{'whole process MB':>18}")
        for task in ("oa", "postcodes", "postcodes_zip"):
            figures = {}
            for who in ("pandas", "ours"):
                done = [run_apart(f"{who}_{task}", folder) for _ in range(5)]
                best = min(done, key=lambda figure: figure["cpu_s"])
                figures[who] = best | {"wall_s": min(figure["wall_s"] for figure in done)}
                print(
                    f"{who + ' ' + task:<22}{best['cpu_s']:>8.3f}{figures[who]['wall_s']:>9.3f}"
                    f"{best['peak_mb']:>22.0f}{best['whole_mb']:>18.0f}"
                )
            assert figures["pandas"]["answer"] == figures["ours"]["answer"], figures
            faster = figures["pandas"]["cpu_s"] / figures["ours"]["cpu_s"]
            sooner = figures["pandas"]["wall_s"] / figures["ours"]["wall_s"]
            smaller = figures["ours"]["peak_mb"] / figures["pandas"]["peak_mb"]
            print(
                f"  same figures {figures['ours']['answer']}; {faster:.1f} times less CPU, {sooner:.1f} times sooner, "
                f"{smaller:.0%} of the peak memory"
            )


def run_apart(name: str, folder: Path) -> dict:
    """Do one piece of work in a process of its own and return its figures."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", name, str(folder)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
