"""Progress in text: what is being retrieved, a line for each source under way, with a bar where its length is known."""

from exclusion.sources.fetched import Progress

_WIDTH = 24
_MOST_LINES = 6
_MEGABYTE = 1_000_000


class Bars:
    """Takes one step after the other and says what is under way."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._ended: set[str] = set()
        self._under_way: dict[str, Progress] = {}

    def take(self, event: Progress) -> str:
        """Take a step and return the lines to show in place of the last ones."""
        self._seen.add(event.source_id)
        if event.state in {"done", "failed"}:
            self._ended.add(event.source_id)
            self._under_way.pop(event.source_id, None)
        elif event.state != "waiting":
            self._under_way[event.source_id] = event
        shown = list(self._under_way.values())
        lines = [f"Retrieving sources: {len(self._ended)} of {len(self._seen)} done"]
        lines += [f"    {line_of(one)}" for one in shown[:_MOST_LINES]]
        if len(shown) > _MOST_LINES:
            lines.append(f"    and {len(shown) - _MOST_LINES} more")
        return "\n".join(lines)


def line_of(event: Progress) -> str:
    """Return one source's line: `census_ts001  #########---------------  38 %  0.7 of 1.9 MB`."""
    name = f"{event.source_id:<30}"
    if event.state != "downloading":
        return f"{name} {event.state}"
    if not event.total:
        return f"{name} {_amount(event.done, event.unit)}"
    share = min(event.done / event.total, 1.0)
    full = int(share * _WIDTH)
    whole = _amount(event.total, event.unit)
    done = _amount(event.done, event.unit).rpartition(" ")[0]
    return f"{name} {'#' * full}{'-' * (_WIDTH - full)} {share:4.0%}  {done} of {whole}"


def _amount(number: int, unit: str) -> str:
    return f"{number / _MEGABYTE:,.1f} MB" if unit == "bytes" else f"{number:,} {unit}"
