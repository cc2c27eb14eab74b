"""The exclusion command: thin commands, no Prefect, heavy imports inside the commands."""

import errno
import os
import signal
import sys
import threading

EXIT_CODES = {
    0: "done",
    1: "a fault that is not the user's, or a step that failed",
    2: "what was asked cannot be done as asked: a wrong option, place, spec or file name",
    3: "a publisher's data cannot be had or cannot be trusted",
    4: "a table breaks its contract",
    5: "a publish gate was not passed; the last good edition stays",
    130: "stopped by the user, or by the system's own request to end",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# What a folder, a drive or the machine refuses: nothing that a report of a fault would help with.
_REFUSED = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE, errno.EBUSY, errno.EMFILE, errno.ENFILE,
        errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP,
    }
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of EXIT_CODES; a user's mistake is one sentence, never a traceback."""
    # Threads of numeric libraries that wait must not spin: on a shared machine that costs far more than it gains.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _end_as_from_the_keyboard()
    from cyclopts import CycloptsError

    from exclusion.cli.app import app
    from exclusion.errors import ExclusionError

    try:
        try:
            app(sys.argv[1:] if arguments is None else arguments, exit_on_error=False, print_error=False)
        finally:
            # Here, where it can be told well, is found out whether the last lines can be written.
            if sys.stdout is not None:
                sys.stdout.flush()
    except CycloptsError as error:
        _complain(f"{error} See `exclusion --help`.".replace("\n", " "))
        raise SystemExit(2) from None
    except ExclusionError as error:
        _complain(str(error))
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to say, and nobody to say it to. What is still to be
        # written goes nowhere, so that the interpreter does not complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno in _FULL:
            what = "the disk is full: free some space"
        elif error.errno in _REFUSED:
            where = f"{error.filename}: " if error.filename else ""
            what = f"{where}{error.strerror or error}: mend that"
        else:
            raise
        _complain(f"{what} and run again; what was finished is kept, and the last good edition stays.")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _complain("stopped; what was finished is kept, and the next run goes on from there.")
        raise SystemExit(130) from None


def _end_as_from_the_keyboard() -> None:
    """Have a service manager's or a closing terminal's request to end clean up as Ctrl-C does.

    A signal that whoever started us asked to be ignored (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _complain(message: str) -> None:
    print(f"exclusion: {message}", file=sys.stderr)
