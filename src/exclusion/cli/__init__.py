"""The exclusion command: thin commands, no Prefect, heavy imports inside the commands."""

import errno
import os
import sys

EXIT_CODES = {
    0: "done",
    1: "a fault that is not the user's, or a step that failed",
    2: "what was asked cannot be done as asked: a wrong option, place, spec or file name",
    3: "a publisher's data cannot be had or cannot be trusted",
    4: "a table breaks its contract",
    5: "a publish gate was not passed; the last good edition stays",
    130: "stopped by the user",
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of EXIT_CODES; a user's mistake is one sentence, never a traceback."""
    # Threads of numeric libraries that wait must not spin: on a shared machine that costs far more than it gains.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from cyclopts import CycloptsError

    from exclusion.cli.app import app
    from exclusion.errors import ExclusionError

    try:
        app(sys.argv[1:] if arguments is None else arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _complain(f"{error} See `exclusion --help`.".replace("\n", " "))
        raise SystemExit(2) from None
    except ExclusionError as error:
        _complain(str(error))
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to say, and nobody to say it to.
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        _complain(
            "the disk is full: free some space and run again; what was finished is kept, and the last good edition stays."
        )
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _complain("stopped; what was finished is kept, and the next run goes on from there.")
        raise SystemExit(130) from None


def _complain(message: str) -> None:
    print(f"exclusion: {message}", file=sys.stderr)
