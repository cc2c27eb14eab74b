"""What a person asked of a run is checked before anything is touched, in the words in which it was given."""

import pytest

from exclusion.errors import InputError
from exclusion.job import Job
from exclusion.request import requested_job

OPTIONS = {
    "within_min": "--within",
    "accept": "--accept",
    "why": "--why",
    "draws": "--draws",
    "roads": "--roads",
    "as_of": "--as-of",
}


@pytest.mark.parametrize(
    ("choices", "names", "sentence"),
    [
        ({"inbox": "gone"}, {}, "^inbox gone: there is no such folder; make it"),
        ({"venues": "gone.csv"}, {}, "^venues gone.csv: there is no such file; give the path of your own venues"),
        ({"roads": "gone.pbf"}, OPTIONS, "^--roads gone.pbf: there is no such file"),
        ({"target": "everybody"}, {}, "^target everybody: there is no such target level; choose one of "),
        ({"reference": "gone"}, {}, "^reference gone: there is no such file and no edition"),
        ({"draws": 3}, OPTIONS, "^--draws 3: input should be greater than or equal to 100"),
        ({"within_min": 0}, OPTIONS, "^--within 0: input should be greater than 0"),
        ({"as_of": "yesterday"}, {}, "^as_of yesterday: input should be a valid date"),
        ({"as_of": "2026-05-31", "inbox": "."}, OPTIONS, "^inbox with --as-of: .* the copies that were held then"),
        ({"as_of": "2026-05-31", "roads": "gone.pbf"}, OPTIONS, "^--roads with --as-of: .*; leave --roads out"),
        ({"contact": "the council"}, {"contact": "--contact"}, "^--contact the council: give an e-mail address"),
        ({"accept": ["deciles"]}, OPTIONS, "^--accept deciles: there is no source and no gate .* mean decile-moves"),
        ({"accept": ["decile-moves"]}, OPTIONS, "^--accept decile-moves: say why with --why and a sentence"),
    ],
)  # fmt: skip
def test_a_wrong_choice_is_told_by_the_name_it_was_given_under(choices, names, sentence):
    with pytest.raises(InputError, match=sentence):
        requested_job(choices, names)


def test_a_job_that_ends_in_an_edition_names_a_place_unless_it_is_the_demonstration():
    with pytest.raises(InputError, match="^No place was named: give --place a council"):
        requested_job({"places": ()}, {"places": "--place"}, is_for_place=True)
    assert requested_job({"is_demo": True}, is_for_place=True).places == ()
    assert requested_job({"places": ["Rutland"]}, is_for_place=True).places == ("Rutland",)


def test_sources_and_gates_are_accepted_under_one_name_and_none_means_the_default(tmp_path):
    job = requested_job(
        {
            "home": tmp_path,
            "draws": None,
            "accept": ["backtest", "digital_propensity_index"],
            "why": "Agreed.",
        }
    )
    assert job == Job(
        home=tmp_path, accept=("digital_propensity_index",), accept_gates=("backtest",), why="Agreed."
    )


def test_an_edition_of_the_home_serves_as_reference_by_its_name(tmp_path):
    held = tmp_path / "data" / "processed" / "larkenshire-1" / "reference.npz"
    held.parent.mkdir(parents=True)
    held.write_bytes(b"")
    assert requested_job({"home": tmp_path, "reference": "larkenshire-1"}).reference == held
