"""The child process that runs HiGHS: linear models in, answers out, nothing else on its conversation.

Run as `python -m exclusion.siting.highs_process` by `exclusion.siting.solver`. Messages are pickles with a length in
front, over the standard streams between one parent and its own child. HiGHS may overrun its time limit
(ERGO-Code/HiGHS issues 885, 1501 and 2226), so the parent ends this process when time is up; better plans are sent as
they are found, so that what was found by then is not lost.
"""

import os
import pickle
import queue
import resource
import struct
import sys
import threading
from typing import Any, BinaryIO


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message with its length in front."""
    data = pickle.dumps(message, protocol=5)
    stream.write(struct.pack(">Q", len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """Read one message; None where the stream has ended."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    size = struct.unpack(">Q", head)[0]
    data = stream.read(size)
    if len(data) < size:
        return None
    message: dict[str, Any] = pickle.loads(data)  # noqa: S301  (parent and child are the same program)
    return message


def _answer(task: dict[str, Any], out: BinaryIO) -> dict[str, Any]:
    import highspy
    import numpy as np

    model = task["model"]
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", int(task["seed"]))
    solver.setOptionValue("time_limit", float(task["seconds"]))
    for name, value in task["options"].items():
        solver.setOptionValue(name, value)
    column_count, row_count = len(model["objective"]), len(model["row_lower"])
    integrality = model["integrality"]
    common = (
        column_count,
        row_count,
        len(model["indices"]),
    )
    arrays = (
        model["objective"],
        model["lower"],
        model["upper"],
        model["row_lower"],
        model["row_upper"],
        model["indptr"],
        model["indices"],
        model["data"],
    )
    row_wise, maximise = 2, -1  # HiGHS's own numbers for MatrixFormat.kRowwise and ObjSense.kMaximize
    none = np.empty(0, dtype=np.int32)
    solver.passModel(
        *common, 0, row_wise, row_wise, maximise, 0.0, *arrays, none, none, np.empty(0), integrality
    )
    if integrality.any():
        if task["start"] is not None:
            start = highspy.HighsSolution()
            start.col_value = list(map(float, task["start"]))
            solver.setSolution(start)

        def found(event: Any) -> None:
            send(
                out,
                {
                    "kind": "found",
                    "values": np.asarray(event.data_out.mip_solution, dtype=np.float64),
                    "objective": float(event.data_out.objective_function_value),
                    "bound": float(event.data_out.mip_dual_bound),
                },
            )

        solver.cbMipImprovingSolution += found
    solver.run()
    status = solver.modelStatusToString(solver.getModelStatus())
    info = solver.getInfo()
    solution = solver.getSolution()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "kind": "done",
        "status": status,
        "is_feasible": info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible,
        "objective": float(info.objective_function_value),
        "bound": float(info.mip_dual_bound) if integrality.any() else float(info.objective_function_value),
        "values": np.array(solution.col_value, dtype=np.float64),
        "duals": np.array(solution.row_dual, dtype=np.float64),
        "nodes": int(info.mip_node_count) if integrality.any() else 0,
        "version": solver.version(),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
    }


def main() -> None:
    """Answer tasks until the parent closes the stream or dies, which ends a solve under way too."""
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # HiGHS's banner must not enter the conversation
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()

    def listen() -> None:
        while (task := receive(sys.stdin.buffer)) is not None:
            tasks.put(task)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        send(out, _answer(tasks.get(), out))


if __name__ == "__main__":
    main()
