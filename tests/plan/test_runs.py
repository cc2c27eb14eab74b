"""The siting of one place: what it needs is made where it is not at hand."""

from types import SimpleNamespace

from exclusion.job import Job
from exclusion.plan import site_venues
from exclusion.steps import Step, Steps


def test_siting_makes_the_steps_that_are_stale_for_its_place(tmp_path, monkeypatch):
    made = []

    def step(name, needs, outputs):
        def build(_inputs, folder):
            made.append(name)
            for output in outputs:
                (folder / output).parent.mkdir(exist_ok=True)
                (folder / output).write_text("{}")

        return Step(name, name, needs, ("errors",), outputs, build)

    steps = Steps(
        [
            step("indicators", (), ("areas.parquet",)),
            step("estimate", ("indicators",), ("estimate.json",)),
            step("siting", ("indicators", "estimate"), ("siting.json", "plan/plan.csv")),
        ],
        tmp_path / "steps",
    )
    monkeypatch.setattr("exclusion.plan.runs.open_steps", lambda _job: steps)
    monkeypatch.setattr("exclusion.stages.place_of", lambda _job, _files: SimpleNamespace(slug="rutland"))
    job = Job(home=tmp_path, places=("Rutland",))
    for _ in range(2):
        found = site_venues(job, tmp_path / "plans")
        assert found["place"] == "rutland"
        assert (tmp_path / "plans" / "rutland" / "plan.csv").read_text() == "{}"
    assert made == ["indicators", "estimate", "siting"]
