"""Siting for many places on a Dask cluster: the flow of `site_venues`, one place a task, on a team's own workers.

    python -m flows.site_venues_dask tcp://scheduler:8786 Rutland Northumberland

Tasks are handed paths, never tables, so every worker must see the project's folder under the same path and have
exclusion-map[dask] installed. Plans are the same to the byte as without a cluster.
"""

import sys
from typing import Any

from flows.site_venues import site_venues


def site_venues_on(address: str, places: list[str], **choices: Any) -> list[dict[str, Any]]:
    """Choose venues for each place on the cluster whose scheduler is at `address`; choices as for `site_venues`."""
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise SystemExit(
            "Siting on a cluster needs the extra 'dask': pip install 'exclusion-map[dask]'."
        ) from None

    flow = site_venues.with_options(name="site-venues-dask", task_runner=DaskTaskRunner(address=address))
    return flow(places, **choices)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Give the scheduler's address and at least one place: tcp://scheduler:8786 Rutland")
    site_venues_on(sys.argv[1], sys.argv[2:])
