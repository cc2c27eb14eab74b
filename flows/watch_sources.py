"""The watch: ask the publishers what is new, cheaply, and start a refresh where something is."""

from prefect import flow, get_run_logger
from prefect.deployments import run_deployment

from flows.report import tell_sources
from flows.tasks import check, job_of, text_of

# `newer` is a release under another name: a person has to point the catalogue at it, so it starts nothing.
_STARTS_REFRESH = frozenset({"changed", "new"})


@flow(name="watch-sources")
def watch_sources(
    places: list[str] | None = None,
    home: str = ".",
    inbox: str | None = None,
    refresh_deployment: str = "refresh/refresh",
    is_demo: bool = False,
    bases: dict[str, str] | None = None,
) -> list[str]:
    """Return the sources that changed; where there are any, the refresh is started and not waited for.

    A watch that reaches no publisher at all fails, so that somebody is told.

    `places` and `inbox` as for the refresh: they tell which nation's publishers are asked, and whom not to ask.
    """
    from exclusion.plan import require_reached, served_publishers

    log = get_run_logger()
    job = job_of(home=home, places=places, inbox=inbox, is_demo=is_demo, bases=bases)
    with served_publishers(job) as served:
        checks = check(text_of(served))
    tell_sources(checks)
    for one in checks:
        if one["state"] in {"newer", "unreachable"}:
            log.warning("%s: %s", one["source"], one["message"])
    require_reached((one["state"], one["message"]) for one in checks)
    changed = [one["source"] for one in checks if one["state"] in _STARTS_REFRESH]
    if changed and refresh_deployment:
        run = run_deployment(refresh_deployment, timeout=0, as_subflow=False)
        log.info("%d sources changed: started %s (%s)", len(changed), refresh_deployment, run.name)
    else:
        log.info("%d sources changed", len(changed))
    return changed
