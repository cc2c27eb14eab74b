"""Alerts: have the server tell a webhook (Teams, Slack, Mattermost, your own) of every run that failed or crashed.

    PREFECT_API_URL=http://SERVER:4200/api python -m flows.alert https://chat.example/hooks/...

Asked again with another address, it is that one which is told.
"""

import contextlib
import re
import sys
from datetime import timedelta
from typing import Any

NAME = "exclusion-alert"
_ENDED_BADLY = ("prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut")
_BODY = "{{ flow.name }}, run {{ flow_run.name }}: {{ flow_run.state.message }}"


def set_alert(url: str) -> Any:
    """Make or replace the webhook and the automation on the server of PREFECT_API_URL, and return the automation's id.

    The webhook gets JSON with one key, `text`. Its address is kept on the server as a secret.
    """
    from prefect.automations import Automation
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.events.actions import SendNotification
    from prefect.events.schemas.automations import EventTrigger, Posture

    hook = CustomWebhookNotificationBlock(
        name=NAME, url=url, json_data={"text": "{{subject}}: {{body}}"}, secrets={}
    )
    # Whoever calls this may have an event loop of his own running; what is asked here is to be done before it returns.
    block_id = hook.save(NAME, overwrite=True, _sync=True)
    wanted = Automation(
        name=NAME,
        description="Tell of every run of the exclusion map that failed or crashed.",
        trigger=EventTrigger(
            expect={*_ENDED_BADLY},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=block_id, subject="The exclusion map", body=_BODY)],
    )
    with contextlib.suppress(ValueError):
        Automation.read(name=NAME, _sync=True).delete(_sync=True)
    return wanted.create(_sync=True).id


def main(arguments: list[str]) -> None:
    """Set the alert and print its id; SystemExit with one sentence where the address or the server is not one."""
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import PREFECT_API_URL

    if len(arguments) != 1:
        sys.exit("Give the address of the webhook that is to be told.")
    (url,) = arguments
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
        sys.exit(f"{url}: this is no address of a webhook; give one that begins with https:// or http://.")
    server = PREFECT_API_URL.value()
    if not server:
        # Prefect would start a server for this one call, and nobody would ever be told of anything.
        sys.exit(
            "No Prefect server is named: set PREFECT_API_URL (http://SERVER:4200/api), or log in by `prefect cloud login`."
        )
    try:
        print(set_alert(url))  # noqa: T201
    except PrefectHTTPStatusError as fault:
        sys.exit(f"The Prefect server at {server} refused the alert: {str(fault).splitlines()[0]}")
    except httpx.HTTPError as fault:
        sys.exit(
            f"The Prefect server at {server} does not answer ({fault}): is it up, and is the address right?"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
