"""Manners and patience: one pooled session per publisher, paced, retried, and honest about who is asking."""

import contextlib
import datetime as dt
import email.utils
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import stamina
import urllib3
from requests.adapters import HTTPAdapter

from exclusion import __version__
from exclusion.sources.catalogue import Publisher

T = TypeVar("T")

ATTEMPTS = 5
CONNECT_ATTEMPTS = 3
# So many servers out of reach and none that answers: it is the network, and no use to ask each of them again.
CUT_OFF_SERVERS = 3
LONGEST_WAIT_S = 600.0
MAX_REDIRECTS = 8
_CHUNK = 256 << 10
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class TransientFault(Exception):  # noqa: N818 (caught inside this room, never shown as a class)
    """A fault that may pass: worth another try."""


class PermanentFault(Exception):  # noqa: N818 (caught inside this room, never shown as a class)
    """A fault that will not pass by itself; `status` is the HTTP status where there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def _utc_now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


@dataclass(frozen=True)
class Timing:
    """The clocks in use, so that a test need not wait."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], dt.datetime] = _utc_now


def is_loopback(base: str) -> bool:
    """Tell whether a base address is on this machine."""
    return urlsplit(base).hostname in _LOOPBACK


def user_agent(publisher: Publisher, contact: str | None = None) -> str:
    """Return the User-Agent that says who asks; the contact is an argument or EXCLUSION_CONTACT."""
    contact = contact or os.environ.get("EXCLUSION_CONTACT") or "contact not set"
    clean = "".join(c for c in contact if c.isprintable() and c.isascii() and c not in "()")
    if publisher.user_agent_style == "compatible":
        return f"Mozilla/5.0 (compatible; exclusion-map/{__version__}; {clean})"
    return f"exclusion-map/{__version__} (UK digital exclusion map; {clean})"


class _Pace:
    """When the next request may go out, and how many are out, for one server."""

    def __init__(self, parallel: int) -> None:
        self.slots = threading.Semaphore(parallel)
        self.turn = threading.Lock()
        self.not_before = 0.0


_PACES: dict[str, _Pace] = {}
_PACES_GUARD = threading.Lock()


def _pace_of(base: str, parallel: int, timing: "Timing") -> _Pace:
    """Return the pace kept towards a server by the whole process, whoever asks; another clock keeps its own."""
    if timing.clock is not time.monotonic:
        return _Pace(parallel)
    with _PACES_GUARD:
        return _PACES.setdefault(base, _Pace(parallel))


class Reach:
    """What the clients of one pull find out together: whether anything beyond this machine can be reached at all."""

    def __init__(self) -> None:
        self._lost: set[str] = set()
        self._has_answer = False

    @property
    def is_cut_off(self) -> bool:
        """Tell whether several servers could not be reached and none has answered."""
        return not self._has_answer and len(self._lost) >= CUT_OFF_SERVERS

    def found(self, base: str) -> None:
        """Note that a server answered; one on this machine says nothing of the network."""
        self._has_answer = self._has_answer or not is_loopback(base)

    def lost(self, base: str) -> None:
        """Note that a server could not be reached."""
        self._lost.add(base)


@dataclass
class Client:
    """Speaks to one publisher: paced by its limits, at most `max_parallel` requests at a time.

    `reach` is shared by the clients of a pull, so that without a network they give up together.
    """

    publisher: Publisher
    base: str
    contact: str | None = None
    timing: Timing = field(default_factory=Timing)
    reach: Reach = field(default_factory=Reach)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": user_agent(self.publisher, self.contact), "Accept-Encoding": "identity"}
        )
        self._session.max_redirects = MAX_REDIRECTS
        # A proxy is for the world outside: the local publishers are always spoken to directly.
        self._session.trust_env = not is_loopback(self.base)
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=self.publisher.max_parallel, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._pace = _pace_of(self.base, self.publisher.max_parallel, self.timing)
        self._link_faults, self._link_said = 0, ""
        self.unreachable: str | None = None

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def address(self, relative: str) -> str:
        """Return the full address of a path relative to this publisher's base."""
        return (
            relative
            if relative.startswith(("http://", "https://"))
            else f"{self.base}/{relative}".rstrip("/")
        )

    def _wait_for_turn(self) -> None:
        """Wait until the publisher's pace allows the next request; the turns of threads do not overlap."""
        with self._pace.turn:
            now = self.timing.clock()
            turn = max(now, self._pace.not_before)
            self._pace.not_before = turn + self.publisher.min_interval_s
        if turn > now:
            self.timing.sleep(turn - now)

    def _pause(self, seconds: float) -> None:
        with self._pace.turn:
            self._pace.not_before = max(self._pace.not_before, self.timing.clock() + seconds)

    def _retry_after(self, response: requests.Response) -> float | None:
        text = response.headers.get("Retry-After", "").strip()
        if text.isdigit():
            return float(text)
        if text:
            with contextlib.suppress(ValueError, TypeError):
                when = email.utils.parsedate_to_datetime(text)
                return max(0.0, (when - self.timing.now()).total_seconds())
        return None

    def _check(self, response: requests.Response, address: str) -> None:
        """Raise for a status that is not a good answer; a 429 or 503 slows every later request down."""
        # On the way, too: whoever listens there can send the rest of the way elsewhere.
        bare = [hop.url for hop in (*response.history, response) if urlsplit(hop.url).scheme != "https"]
        if urlsplit(address).scheme == "https" and bare:
            raise PermanentFault(f"{address} redirects to an address without encryption ({bare[0]})")
        status = response.status_code
        if status < 400:
            return
        if status in _TRANSIENT_STATUSES:
            wait = self._retry_after(response)
            if status == 429:
                wait = max(wait or 0.0, self.publisher.pause_after_429_s)
            if wait is not None:
                if wait > LONGEST_WAIT_S:
                    raise PermanentFault(
                        f"{address} asks to be left alone for {wait:.0f} seconds (HTTP {status})"
                    )
                self._pause(wait)
            raise TransientFault(f"{address} answered HTTP {status}")
        why = {
            401: "it asks for a sign-in",
            403: "it refuses programs: download the file in a browser and put it in the inbox",
            404: "there is nothing at this address: it may have moved",
            406: "it does not accept this User-Agent: set EXCLUSION_CONTACT",
            410: "the file has been withdrawn",
        }.get(status, "the request was refused")
        raise PermanentFault(f"{address} answered HTTP {status} ({why})", status=status)

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        relative: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        """Make one request and yield the streamed response; faults are Transient- or PermanentFault.

        A fault while the body is read inside the `with` is translated as well.
        """
        address = self.address(relative)
        timeouts = (self.publisher.connect_timeout_s, self.publisher.read_timeout_s)
        with self._pace.slots:
            if self._link_faults and self.reach.is_cut_off:
                self.unreachable = self._link_said
            if self.unreachable is not None:
                raise PermanentFault(self.unreachable)
            self._wait_for_turn()
            try:
                with self._session.request(
                    method,
                    address,
                    params=params,
                    data=data,
                    headers=headers,
                    stream=True,
                    timeout=timeouts,
                    allow_redirects=True,
                ) as response:
                    self._link_faults = 0
                    self.reach.found(address)
                    self._check(response, address)
                    yield response
            except requests.TooManyRedirects as fault:
                raise PermanentFault(f"{address} redirects for ever") from fault
            except requests.exceptions.SSLError as fault:
                raise PermanentFault(f"{address} has no valid certificate ({_root(fault)})") from fault
            except (
                requests.exceptions.InvalidURL,
                requests.exceptions.InvalidSchema,
                requests.exceptions.MissingSchema,
                requests.exceptions.InvalidProxyURL,
            ) as fault:
                raise PermanentFault(f"{address} is not an address that can be asked ({fault})") from fault
            except (
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ) as fault:
                raise TransientFault(f"{address} broke off in the middle ({_root(fault)})") from fault
            except requests.exceptions.ReadTimeout as fault:
                raise TransientFault(f"{address} fell silent for {timeouts[1]:.0f} seconds") from fault
            except requests.exceptions.ConnectionError as fault:
                raise self._link_fault(address, fault) from fault
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as fault:
                raise TransientFault(f"{address} could not be read ({_root(fault)})") from fault

    def _link_fault(self, address: str, fault: Exception) -> TransientFault | PermanentFault:
        """Tell a line that broke from a server that cannot be reached.

        The latter is given up after three faults, or at once where no other server can be reached either.
        """
        if not _is_unreachable(fault):
            return TransientFault(f"{address} broke the connection ({_root(fault)})")
        self._link_faults += 1
        self.reach.lost(self.base)
        self._link_said = f"{urlsplit(address).hostname} cannot be reached ({_root(fault)})"
        if self._link_faults < CONNECT_ATTEMPTS and not self.reach.is_cut_off:
            return TransientFault(self._link_said)
        self.unreachable = self._link_said
        return PermanentFault(self._link_said)

    def patiently(self, work: Callable[[], T]) -> T:
        """Run a whole piece of work, again after a TransientFault, with backoff and jitter, a few times.

        Work that moves whole files or pages is repeated as a whole because a body can break off half-way, which
        the retries inside an HTTP library do not see. After the last try the fault is a PermanentFault.
        """
        try:
            for attempt in stamina.retry_context(
                on=TransientFault,
                attempts=ATTEMPTS,
                timeout=None,
                wait_initial=0.4,
                wait_max=20.0,
                wait_jitter=0.6,
            ):
                with attempt:
                    return work()
        except TransientFault as fault:
            raise PermanentFault(f"{fault}, after {ATTEMPTS} tries") from fault
        raise AssertionError("retry_context ends by returning or raising")  # pragma: no cover

    def read(
        self,
        relative: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        ceiling: int = 64 << 20,
    ) -> tuple[bytes, requests.Response]:
        """Make one request and return its whole body, at most `ceiling` bytes."""
        with self.open(method, relative, params=params, data=data, headers=headers) as response:
            parts: list[bytes] = []
            size = 0
            for chunk in chunks(response):
                size += len(chunk)
                if size > ceiling:
                    raise PermanentFault(f"{response.url} sends more than {ceiling:,} bytes")
                parts.append(chunk)
            return b"".join(parts), response


def chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield a body as it arrives.

    What has arrived is handed over at once: waiting for a full buffer, as `iter_content` does, would lose its last
    part when the line breaks, and with it the place to go on from.
    """
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        yield chunk


def _root(fault: BaseException) -> str:
    """Return the innermost reason of a nested network error in a few words."""
    seen: BaseException = fault
    while True:
        inner = seen.__cause__ or getattr(seen, "reason", None)
        if inner is None and seen.args and isinstance(seen.args[-1], BaseException):
            inner = seen.args[-1]
        if not isinstance(inner, BaseException):
            break
        seen = inner
    text = str(seen).split(": ", 1)[-1] if "object at 0x" in str(seen) else str(seen)
    return text.strip("()' ")[:160] or type(seen).__name__


def _is_unreachable(fault: Exception) -> bool:
    """Tell whether a connection was never made: no such name, refused, no route, or timed out while connecting."""
    if isinstance(fault, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    text = repr(fault)
    return "NewConnectionError" in text or "NameResolutionError" in text or "MaxRetryError" in text
