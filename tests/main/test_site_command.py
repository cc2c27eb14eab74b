"""`exclusion site` on the made-up county: the plan's files, messy venue lists, silly questions, the page in a browser."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from exclusion.cli import main
from exclusion.cli.display import Display
from exclusion.demo import DEMONSTRATION_NOTICE
from exclusion.errors import InputError
from exclusion.job import Job
from exclusion.plan import last_files, prepare
from exclusion.siting.request import Request
from exclusion.stages.site import answer, refusals_told
from exclusion.stages.site_question import count_in_words, question_of
from tests.axe import violations


@pytest.fixture(scope="module")
def ready(home):
    """The tables of the made-up county, as the command finds them."""
    job = Job(home=home, is_demo=True)
    return job, prepare(job, Display(is_quiet=True), until="index")


def ask(ready, **options):
    job, found = ready
    request = Request(**{"choose": 4, "draws": 0} | options)
    return question_of(job, request, found.files, found.report, lambda _text: None)


@pytest.fixture(scope="module")
def planned(ready, tmp_path_factory):
    """A plan with all options that go together, and the folder of its files."""
    job, found = ready
    folder = tmp_path_factory.mktemp("plan")
    said = []
    made = answer(
        job, Request(choose=4, within_min=15.0, mode="drive", keep=("libraries",), rural_share=0.4, one_per="ward", draws=5),
        found.files, found.report, found.sources, out=folder, benefit_file=None, exact_seconds=60.0, tell=said.append,
    )  # fmt: skip
    assert said
    return made, folder


def run(capsys, *arguments):
    code = 0
    try:
        main(list(arguments))
    except SystemExit as stop:
        code = stop.code or 0
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_files_of_a_plan_agree_and_hold(planned, capsys):
    made, folder = planned
    plan = made.plan
    assert sorted(path.name for path in folder.iterdir()) == [
        "how-this-was-made.html", "plan.csv", "plan.geojson", "plan.html", "plan.json",
    ]  # fmt: skip
    record = json.loads((folder / "plan.json").read_text())
    assert record["about"]["notice"] == DEMONSTRATION_NOTICE
    assert record["question"]["rural_share"] == 0.4
    assert record["solver_log"]
    table = pd.read_csv(folder / "plan.csv", encoding="utf-8-sig")
    chosen = table[table["status"] == "chosen"]
    assert chosen["venue_id"].tolist() == record["answer"]["chosen"] == list(plan.chosen_ids)
    assert set(table["note"]) == {DEMONSTRATION_NOTICE}
    kept = table[table["status"] == "kept"]
    assert set(kept["kind"]) == {"library"}
    # one in each ward, the libraries' wards among them
    wards = table["wd_cd"].dropna()
    assert not wards[table["status"] == "chosen"].duplicated().any()
    assert not set(wards[table["status"] == "chosen"]) & set(wards[table["status"] == "kept"])
    code, out, _ = run(capsys, "site", "verify", str(folder))
    assert (code, out.splitlines()[-1]) == (0, "The plan holds.")
    code, out, _ = run(capsys, "site", "compare", str(folder), str(folder / "plan.json"))
    assert code == 0
    assert "0 come within reach and 0 fall out of it" in out


def test_a_plan_that_was_changed_fails_its_check(planned, capsys, tmp_path):
    record = json.loads((planned[1] / "plan.json").read_text())
    record["answer"]["people_reached"] += 100
    (tmp_path / "plan.json").write_text(json.dumps(record))
    code, out, _ = run(capsys, "site", "verify", str(tmp_path))
    assert code == 1
    assert "does NOT hold" in out


def test_the_page_says_what_the_plan_says_without_its_script(planned):
    made, folder = planned
    page = (folder / "plan.html").read_text()
    assert DEMONSTRATION_NOTICE in page
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["']?https?:""", page)
    for sentence in made.explanation.sentences[:2]:
        assert sentence in page
    for heading in (
        "What this plan does",
        "What each further venue adds",
        "Who stays beyond reach",
        "What it may be worth",
    ):
        assert heading in page
    assert page.count("<h1") == 1


def test_the_same_question_gives_the_same_files(ready, planned, tmp_path):
    job, found = ready
    answer(
        job, Request(choose=4, within_min=15.0, mode="drive", keep=("libraries",), rural_share=0.4, one_per="ward", draws=5),
        found.files, found.report, found.sources, out=tmp_path, benefit_file=None, exact_seconds=60.0, tell=lambda _text: None,
    )  # fmt: skip
    for path in sorted(planned[1].iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.fixture
def halls(ready, tmp_path):
    """A planner's list with a messy head: two usable halls, five rows that are not."""
    areas = pd.read_parquet(ready[1].files["areas.parquet"], columns=["x_m", "y_m"])
    one, two = areas.iloc[0], areas.iloc[-1]
    lines = [
        "Name of hall,Eastings,Northings,Hire cost (£),Parish", f"First Hall,{one.x_m:.0f},{one.y_m:.0f},£250,Ash",
        f"Second Hall,{two.x_m:.0f},{two.y_m:.0f},300,Elm", f",{two.x_m:.0f},{two.y_m:.0f},1,", "No Place Hall,,,1,",
        "Sea Hall,900000,900000,1,", f"Second Hall,{two.x_m:.0f},{two.y_m:.0f},300,Elm", "Far Hall,500000,200000,10,",
    ]  # fmt: skip
    path = tmp_path / "halls.csv"
    path.write_text("\n".join(lines).replace("Name of hall", "Hall name"), encoding="utf-8-sig")
    return path


def test_a_messy_list_is_used_and_every_other_row_accounted_for(ready, halls):
    asked = ask(ready, files=(halls,), choose=1, budget=260.0, one_per="parish")
    own = asked.problem.venues[asked.problem.venues["source_id"] == "own_venues"]
    assert own["name"].tolist() == ["First Hall", "Second Hall"]
    assert own["cost"].tolist() == [250.0, 300.0]
    reasons = dict(zip(asked.left_out["row"], asked.left_out["reason"], strict=True))
    assert sorted(reasons) == [4, 5, 6, 7, 8]
    assert reasons[4] == "it has no name"
    assert "outside" in reasons[6]
    assert reasons[7] == "it repeats an earlier row"
    assert "outside Larkenshire" in reasons[8] or "it stands outside" in reasons[8]


def test_a_refusal_names_the_rows_that_could_not_be_used(ready, halls):
    from exclusion.siting.choice import choose

    asked = ask(ready, files=(halls,), choose=3)
    with pytest.raises(InputError, match="only 2 may be opened") as refused, refusals_told(asked):
        choose(asked.problem)
    assert "5 rows could not be used" in str(refused.value)
    assert "Row 4 of halls.csv is left out: it has no name." in str(refused.value)
    assert "(and 2 more)" in str(refused.value)


def test_a_cost_in_words_is_told_where_a_budget_rests_on_it(ready, halls):
    halls.write_text(halls.read_text(encoding="utf-8-sig").replace("£250", "£250 p.a."), encoding="utf-8")
    asked = ask(ready, files=(halls,), choose=1, budget=400.0, cost=10.0)
    told = (
        "The cost of 1 row of halls.csv is taken as not known, for there is no number that can be used: "
        "row 2 (First Hall) says '£250 p.a.'."
    )
    assert told in asked.notes
    assert told not in ask(ready, files=(halls,), choose=1).notes


def test_a_hyphen_in_a_header_and_exchanged_coordinates_are_seen_through(ready, tmp_path):
    areas = pd.read_parquet(ready[1].files["areas.parquet"], columns=["x_m", "y_m"])
    # Where easting and northing are alike, a point with both exchanged may lie in the county too.
    one = areas.loc[(areas["x_m"] - areas["y_m"]).abs().idxmax()]
    venues = pd.read_parquet(ready[1].files["venues.parquet"])
    postcode = venues.loc[venues["postcode"].notna(), "postcode"].iloc[0].replace(" ", "").lower()
    path = tmp_path / "halls.csv"
    path.write_text(
        "Hall-name:,Post-code,Eastings,Northings,Gives digital help?\n"
        f"By Postcode,{postcode},,,no\nExchanged,,{one.y_m:.0f},{one.x_m:.0f},no\nHelping,{postcode},,,yes\n"
    )
    asked = ask(ready, files=(path,), choose=1)
    own = asked.problem.venues.set_index("name")
    assert {"By Postcode", "Helping"} <= set(own.index)
    assert bool(own.loc["Helping", "is_existing"])
    assert not bool(own.loc["By Postcode", "is_existing"])
    assert asked.left_out["reason"].str.contains(
        "inside it with easting and northing exchanged"
    ).tolist() == [True]


SILLY = {
    "k above the venues": ({"choose": 3, "own": True}, "only 2 may be opened"),
    "budget below the cheapest": ({"choose": None, "budget": 100.0, "own": True}, "below the cheapest venue"),
    "a budget without costs": ({"choose": None, "budget": 100.0}, "--cost"),
    "a floor that cannot be met": ({"choose": 1, "rural_share": 1.0}, "cannot bring 100%"),
    "an unknown kind": ({"keep": ("pubs",)}, "--keep 'pubs'"),
    "an unknown way of travelling": ({"mode": "fly"}, "no way of travelling"),
    "an unknown weight": ({"weight": "shoe_size"}, "--weight 'shoe_size'"),
    "an unknown group": ({"one_per": "street"}, "--one-per 'street'"),
    "kept and forced out": (
        {"keep": ("libraries",), "never": ("hall of mirrors",)},
        "--never 'hall of mirrors'",
    ),
    "no candidate": ({"candidates": ("none",)}, "no venue to choose from"),
}


@pytest.mark.parametrize("name", sorted(SILLY))
def test_a_silly_question_gets_a_sentence(ready, halls, name):
    from exclusion.siting.choice import choose

    options, sentence = SILLY[name]
    options = dict(options)
    files = (halls,) if options.pop("own", False) else ()
    with pytest.raises(InputError, match=re.escape(sentence)) as refused:
        choose(ask(ready, files=files, **options).problem)
    assert "\n" not in str(refused.value)


def test_a_list_of_other_places_is_refused_with_its_reason(ready, tmp_path):
    path = tmp_path / "far.csv"
    path.write_text("name,easting,northing\nFar Hall,500000,200000\n")
    with pytest.raises(
        InputError, match=r"Nothing of far\.csv can be used: Far Hall in row 2, because.*outside"
    ):
        ask(ready, files=(path,))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--choose", "0"), "--choose 0: ask for at least 1"),
        ((), "Say how many venues to choose"),
        (("--choose", "3", "--within", "0"), "--within 0"),
        (("--choose", "3", "--goal", "profit"), "no kind of problem"),
        (("--choose", "3", "--venues", "gone.csv"), "there is no such file"),
        (("--choose", "3", "--exact-seconds", "nan"), '--exact-seconds: "nan" is not a number'),
        (("--choose", "3", "--exact-seconds", "-1"), "--exact-seconds -1"),
        (("--choose", "3", "--seed", "-1"), "--seed -1"),
        (("--choose", "3", "--goal", "gradual", "--full", "20"), "below --within (20)"),
        (("--choose", "3", "--goal", "gradual"), "needs --full"),
        (("--goal", "share", "--share", "150"), "--share 150"),
        (("--goal", "share"), "say which with --share"),
        (("--choose", "3", "--out", __file__), "there is a file of that name"),
    ],
)
def test_a_silly_option_is_refused_before_anything_is_made(capsys, tmp_path, arguments, sentence):
    code, _, err = run(capsys, "site", "--demo", "--home", str(tmp_path), *arguments)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "data").exists()


def test_other_weights_and_capacity_count_whom_they_say(ready, tmp_path):
    plain = ask(ready).problem
    people = plain.demand["people_offline"].sum()
    weighted = ask(ready, weight="exclusion").problem
    assert weighted.demand[weighted.weight].sum() == pytest.approx(people)
    areas = plain.demand["lsoa21cd"].drop_duplicates()
    own = tmp_path / "own.csv"
    own.write_text("lsoa21cd,shielded\n" + "".join(f"{code},3\n" for code in areas))
    oldest = ask(ready, weight="age_85plus").problem
    assert oldest.weight_name == "people aged 85 and over"
    mine = ask(ready, weight="shielded", weights_file=own).problem
    assert mine.demand["shielded"].sum() == pytest.approx(3 * len(areas))
    served = ask(ready, goal="capacity", sessions_at_most=2).problem
    # seven hours a week at most, two people an hour, 48 weeks, six visits each
    assert served.venues["capacity_people"].max() == pytest.approx(7 * 2 * 48 / 6)


def test_the_range_of_a_plan_rests_on_the_same_draws_as_that_of_its_place(ready):
    facts = json.loads(
        last_files(Job(home=ready[0].home, is_demo=True), until="publish")["facts.json"].read_text()
    )
    low, high = np.quantile(ask(ready, draws=2_000).problem.people_draws.sum(axis=1), (0.05, 0.95))
    width = facts["people_offline_high"] - facts["people_offline_low"]
    assert low == pytest.approx(facts["people_offline_low"], abs=0.15 * width)
    assert high == pytest.approx(facts["people_offline_high"], abs=0.15 * width)


def test_counts_are_called_in_words():
    assert count_in_words("age_65_74") == "people aged 65 to 74"
    assert count_in_words("households") == "households"


def test_without_an_inbox_nobody_is_asked_and_the_command_does_not_say_so(home):
    said = []

    class Heard(Display):
        def doing(self, title):
            said.append(title)
            return super().doing(title)

    prepare(Job(home=home, is_demo=True), Heard(is_quiet=True), until="index")
    assert said[0] == "Asking the publishers"
    said.clear()
    prepare(Job(home=home, is_demo=True, is_offline=True), Heard(is_quiet=True), until="index")
    assert said[0] == "Looking at what is held"


def test_the_command_and_its_frontier_run_as_the_manual_says(home, capsys, tmp_path):
    code, out, _ = run(
        capsys, "site", "--demo", "--home", str(home), "--choose", "2", "--draws", "0", "--out", str(tmp_path / "a"),
    )  # fmt: skip
    assert code == 0
    assert "no plan of 2 new venues beside the" in out
    assert "New venues, in order of what each adds:" in out
    code, out, _ = run(
        capsys, "site", "frontier", "--demo", "--home", str(home), "--up-to", "4", "--draws", "0", "--out", str(tmp_path / "b"),
    )  # fmt: skip
    assert code == 0
    table = pd.read_csv(tmp_path / "b" / "frontier.csv", encoding="utf-8-sig")
    assert table["venues"].tolist() == [1, 2, 3, 4]
    assert table["is_proven"].all()
    assert (table["value"].diff().dropna() >= 0).all()
    answer = json.loads((tmp_path / "a" / "plan.json").read_text())["answer"]
    assert table["value"].iloc[1] == pytest.approx(answer["people_reached"])
    # the first venue adds to the kept ones, each further one to the plan before
    assert table["added"].iloc[0] > 0
    assert table["value"].iloc[0] - table["added"].iloc[0] == pytest.approx(answer["people_reached_before"])
    assert table["added"].iloc[1:].to_numpy() == pytest.approx(table["value"].diff().iloc[1:].to_numpy())


def test_a_plan_counts_who_the_target_says_and_says_so(ready, home):
    from exclusion.cli.site import _job
    from exclusion.cli.site_options import Question

    asked = ask(ready, choose=1)
    assert (
        "Offline here means: adults aged 16 and over without internet access at home (2025)." in asked.notes
    )
    assert not any("Offline" in note for note in ask(ready, choose=1, weight="adults").notes)
    assert _job(Question(demo=True, home=home)).target is None
    assert _job(Question(demo=True, home=home, target="offline_2024")).target == "offline_2024"
    with pytest.raises(InputError, match="^--target nobody: there is no such target level"):
        _job(Question(demo=True, home=home, target="nobody"))


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_page_opens_without_fault_offline_and_prints_its_reasons(planned, watched):
    page = watched().open(planned[1] / "plan.html")
    assert violations(page) == []
    assert page.locator(".leaflet-marker-pane .mark-plan").count() == len(planned[0].plan.chosen)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert "What each further venue adds" in page.locator("#print-sheet").inner_html()
