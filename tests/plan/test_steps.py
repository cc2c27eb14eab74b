"""Steps: what is stale, why, and nothing half-made."""

import threading

import pytest

from exclusion.errors import ExclusionError
from exclusion.steps import Step, Steps, code_hash, progress_of, telling


class Counter:
    def __init__(self):
        self.calls = []

    def builder(self, name, output):
        def build(inputs, folder):
            self.calls.append(name)
            text = "".join(inputs[key].read_text() for key in sorted(inputs))
            (folder / output).write_text(f"{name}({text})")

        return build


@pytest.fixture
def counter():
    return Counter()


def make_plan(tmp_path, counter, *, weight=1, source="data"):
    raw = tmp_path / "raw.txt"
    raw.write_text(source)
    read = Step(
        "read",
        "Read",
        (),
        ("geography",),
        ("table.txt",),
        counter.builder("read", "table.txt"),
        external={"raw": raw},
    )
    score = Step(
        "score",
        "Score",
        ("read",),
        ("index",),
        ("score.txt",),
        counter.builder("score", "score.txt"),
        parameters={"weight": weight},
    )
    draw = Step("draw", "Draw", ("score",), ("publish",), ("map.txt",), counter.builder("draw", "map.txt"))
    return Steps([read, score, draw], tmp_path / "store")


def run(plan):
    return [plan.execute(name).is_made for name in plan.steps]


def test_a_second_run_makes_nothing(tmp_path, counter):
    assert run(make_plan(tmp_path, counter)) == [True, True, True]
    plan = make_plan(tmp_path, counter)
    assert [state.reason for state in plan.states()] == ["unchanged"] * 3
    assert run(plan) == [False, False, False]
    assert counter.calls == ["read", "score", "draw"]


def test_a_changed_input_or_parameter_is_named_and_only_what_follows_runs(tmp_path, counter):
    run(make_plan(tmp_path, counter))
    plan = make_plan(tmp_path, counter, weight=2)
    assert [(s.is_fresh, s.reason) for s in plan.states()] == [
        (True, "unchanged"), (False, "parameter weight changed"), (False, "after score"),
    ]  # fmt: skip
    # The stand-in's output does not depend on the weight, so what follows it is spared.
    assert run(plan) == [False, True, False]
    plan = make_plan(tmp_path, counter, weight=2, source="other")
    assert plan.states()[0].reason == "input raw changed"
    assert run(plan) == [True, True, True]


def test_going_back_to_an_earlier_input_makes_nothing(tmp_path, counter):
    run(make_plan(tmp_path, counter))
    run(make_plan(tmp_path, counter, source="other"))
    assert run(make_plan(tmp_path, counter)) == [False, False, False]


@pytest.mark.parametrize("damage", ["altered", "missing", "record"])
def test_a_damaged_output_is_noticed_and_made_anew(tmp_path, counter, damage):
    plan = make_plan(tmp_path, counter)
    run(plan)
    path = plan.result("score").artefacts[0].path
    good = path.read_text()
    if damage == "altered":
        path.write_text(good[::-1])
    elif damage == "missing":
        path.unlink()
    else:
        (path.parent / "step.json").write_text("{")
    plan = make_plan(tmp_path, counter)
    assert not plan.states()[1].is_fresh
    assert run(plan) == [False, True, False]
    assert path.read_text() == good


def test_a_step_that_fails_leaves_nothing_behind(tmp_path, counter):
    plan = make_plan(tmp_path, counter)
    plan.execute("read")

    def fail(inputs, folder):
        (folder / "score.txt").write_text("half")
        raise ExclusionError("no")

    bad = Steps(
        [plan.steps["read"], Step("score", "Score", ("read",), ("index",), ("score.txt",), fail)],
        tmp_path / "store",
    )
    with pytest.raises(ExclusionError, match="no"):
        bad.execute("score")
    assert not (tmp_path / "store" / "score").exists() or not list((tmp_path / "store" / "score").iterdir())


def test_a_stop_from_the_keyboard_leaves_the_last_outputs_and_nothing_half_made(tmp_path, counter):
    run(make_plan(tmp_path, counter))
    plan = make_plan(tmp_path, counter, weight=2)

    def stopped(inputs, folder):
        (folder / "score.txt").write_text("half")
        raise KeyboardInterrupt

    object.__setattr__(plan.steps["score"], "build", stopped)
    plan.execute("read")
    with pytest.raises(KeyboardInterrupt):
        plan.execute("score")
    assert not list((tmp_path / "store").rglob(".staging-*"))
    assert run(make_plan(tmp_path, counter)) == [False, False, False]
    assert run(make_plan(tmp_path, counter, weight=2))[1] is True


def test_progress_is_a_line_with_a_bar_and_the_time_left(tmp_path):
    told = []
    progress_of("Drawing")(1, 2, 3.0)
    with telling(told.append):
        show = progress_of("Drawing")
        show(500, 2000, 12.4)
        # Progress may come from another thread, where the context is not.
        thread = threading.Thread(target=show, args=(2000, 2000, 0.0))
        thread.start()
        thread.join()
    assert told == [
        "Drawing ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 500 of 2,000, about 12 s left",
        "Drawing ━━━━━━━━━━━━━━━━━━━━ 2,000 of 2,000, done",
    ]


def test_a_step_that_forgets_an_output_is_an_error(tmp_path):
    plan = Steps([Step("a", "A", (), (), ("x.txt",), lambda inputs, folder: None)], tmp_path)
    with pytest.raises(RuntimeError, match=r"did not write x\.txt"):
        plan.execute("a")


def test_all_that_a_step_wrote_is_its_output(tmp_path):
    def build(inputs, folder):
        (folder / "x.txt").write_text("x")
        (folder / "pages").mkdir()
        (folder / "pages" / "one.html").write_text("one")

    def fresh():
        return Steps([Step("a", "A", (), (), ("x.txt",), build)], tmp_path)

    assert [a.name for a in fresh().execute("a").artefacts] == ["pages/one.html", "x.txt"]
    again = fresh().execute("a")
    assert not again.is_made
    assert [a.name for a in again.artefacts] == ["pages/one.html", "x.txt"]
    again.artefacts[0].path.unlink()
    assert fresh().states()[0].reason == "output pages/one.html is missing"


def test_a_step_waits_for_its_needs(tmp_path, counter):
    with pytest.raises(ExclusionError, match="'read' has to run first: never made"):
        make_plan(tmp_path, counter).execute("score")


def test_code_that_is_replaced_while_a_run_is_at_work_is_not_what_it_is_said_to_be_made_with(
    tmp_path, counter, monkeypatch
):
    asked = []
    monkeypatch.setattr("exclusion.steps.code_hash", lambda rooms: asked.append(rooms) or "as it was")
    plan = make_plan(tmp_path, counter)
    assert asked == [("geography",), ("index",), ("publish",)]
    assert run(plan) == [True] * 3


def test_the_code_that_matters_is_in_the_fingerprint():
    assert code_hash(("index",)) != code_hash(("geography",))
    assert code_hash(("index",)) == code_hash(("index",))
