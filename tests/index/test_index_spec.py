"""Specs say what is wrong, where, and what to do; and the shipped ones are right."""

import pytest

from exclusion.errors import InputError
from exclusion.index.check import check_text
from exclusion.index.engine import build
from exclusion.index.spec import SHIPPED, load_spec
from tests.index.made import default_data, parsed, spec_of, table


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_specs_are_valid_and_print_their_tree(name):
    spec = load_spec(name)
    text = check_text(spec)
    for domain in spec.domains.values():
        assert domain.label in text
    for indicator in spec.indicators:
        assert indicator.label in text
    assert len(spec.hash) == 64


def test_check_shows_importance_beside_weight():
    spec = load_spec("default")
    text = check_text(spec, build(spec, table()))
    assert "weights sum to 1, as stated" in text
    assert "moves" in text
    assert "alone explains" in text
    assert "risk x (1 + 0.25 x h)" in text


def test_the_hash_follows_the_content_and_not_the_file(tmp_path):
    from importlib import resources

    text = resources.files("exclusion.index").joinpath("specs", "default.toml").read_text(encoding="utf-8")
    same = tmp_path / "same.toml"
    same.write_text("# another comment\n" + text, encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text(text.replace("lambda = 0.25", "lambda = 0.30"), encoding="utf-8")
    assert load_spec(same).hash == load_spec("default").hash
    assert load_spec(other).hash != load_spec("default").hash


def _set(path, value):
    def edit(data):
        here = data
        for key in path[:-1]:
            here = here[key]
        here[path[-1]] = value

    return edit


def _delete(*path):
    def edit(data):
        here = data
        for key in path[:-1]:
            here = here[key]
        del here[path[-1]]

    return edit


def _add_indicator(**changes):
    def edit(data):
        data["indicator"].append(
            {
                "id": "extra",
                "domain": "extra_domain",
                "label": "Extra",
                "weight": 1.0,
                "direction": "+",
                "column": "extra_column",
                "phrase": "extra is high",
                "source": {"id": "extra"},
            }
            | changes
        )
        data["domains"]["extra_domain"] = {"weight": 0.1, "label": "Extra"}
        data["domains"]["skills"]["weight"] = 0.25

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            _set(("indicator", 0, "weigth"), 1),
            ["unknown key `weigth`", "`routine_work`", "did you mean `weight`"],
        ),
        (_set(("index", "color"), "red"), ["unknown key `color`", "`index`"]),
        (
            _delete("indicator", 1, "direction"),
            ["`direction` is missing", "`not_worked_12_months`", 'direction = "+"'],
        ),
        (_set(("indicator", 0, "direction"), "up"), ["`routine_work`", "direction"]),
        (
            _set(("domains", "skills", "weight"), 0.3),
            ["sum to 0.95, not 1", "never rescaled", "weights_sum = 0.95"],
        ),
        (_set(("indicator", 0, "weight"), 0.4), ["domain `skills` sum to 0.9", "never rescaled"]),
        (_delete("indicator", 3, "overlap_ack"), []),
        (_delete("indicator", 6, "overlap_ack"), ["`aged_65_74` and `aged_75plus`", "overlap_ack"]),
        (_set(("indicator", 2, "domain"), "conection"), ["`conection`, which is not declared"]),
        (_set(("domains", "spare"), {"weight": 0.1, "label": "Spare"}), ["domain `spare` has no indicator"]),
        (_set(("indicator", 1, "id"), "routine_work"), ["`routine_work` is used twice"]),
        (_set(("domains", "skills", "combine"), "factor_ml"), ["fewer than three indicators"]),
        (_add_indicator(column="imd_score"), ["`extra` is an overall deprivation index", "`slow_broadband`"]),
        (_add_indicator(column="iod2025_imd_rank"), ["overall deprivation index"]),
        (_add_indicator(column="help_min"), ["two active rural terms", "`extra`"]),
        (_add_indicator(column="iod2025_connectivity_score"), ["two active rural terms"]),
        (_add_indicator(column="iod2025_barriers_score"), ["two active rural terms"]),
        (_set(("rural", "measures"), []), ["names no measure"]),
        (_set(("rural", "measures", 0, "column"), "is_rural"), ["is a class", "cliff"]),
        (_delete("rural", "measures", 0, "t1"), ["needs t0 and a larger t1"]),
        (_set(("index", "score"), "normal"), ["not a ratio scale"]),
        (_set(("index", "aggregation"), "geometric"), ["offset"]),
        (_set(("index", "higher_is"), "less_excluded"), ["higher_is"]),
        (_set(("indicator", 0, "column"), "x"), ["either `column`"]),
        (_delete("indicator", 0, "denominator"), ["needs a `denominator`"]),
        (_set(("indicator", 2, "error"), "binomial"), ["needs counts"]),
        (_set(("indicator", 0, "missing"), ["guess"]), ["missing"]),
        (_set(("indicator", 0, "goalposts"), [5, 1]), ["lowest, highest"]),
        (_set(("uncertainty", "weights", "kind"), "uniform"), ["uncertainty.weights.kind"]),
        (_set(("uncertainty", "rural_lambda"), [0.5, 0.0]), ["rural_lambda", "[lowest, highest]"]),
        (_set(("uncertainty", "seed"), -5), ["-5 has to be at least 0"]),
        (_set(("uncertainty", "interval"), 90), ["90 has to be below 1", "write 0.9 for 90%"]),
        (_set(("uncertainty", "normalisation"), ["zscore"]), ["'zscore' has to be one of 'exponential'"]),
        (_set(("domains", "skills", "weight"), 35), ["35 has to be at most 1", "write 0.35 for 35%"]),
        (_set(("domains", "skills", "weight"), "35%"), ["'35%' has to be a number without quotes"]),
        (_set(("domains", "skills", "weight"), float("nan")), ["nan has to be a number"]),
        (_set(("stratify",), "lad_cd"), ["'lad_cd' has to be a list in square brackets"]),
        (_set(("rural",), 3), ["`rural`: 3 has to be a section of its own"]),
        (_delete("index"), ["`index` is missing in the file"]),
        (_set(("domains", "skills", "domain"), "age_health"), ["unknown key `domain`", "another section"]),
        (_set(("rural", "lambda"), float("inf")), ["inf has to be a number"]),
        (_set(("rural", "cap"), float("inf")), ["inf has to be a number"]),
        (_set(("index", "power"), float("nan")), ["nan has to be a number"]),
        (_set(("index", "power"), 400.0), ["400.0 has to be at most 10"]),
        (_set(("index", "weights_sum"), float("nan")), ["nan has to be a number"]),
        (_set(("needs", "threshold"), float("nan")), ["nan has to be a number"]),
        (_set(("indicator", 0, "goalposts"), [float("nan"), 1.0]), ["nan has to be a number"]),
        (_set(("indicator", 0, "multiplier"), float("inf")), ["inf has to be a number"]),
        (_set(("rural", "measures", 0, "t0"), float("nan")), ["nan has to be a number"]),
        (_set(("uncertainty", "aggregation"), ["power:0"]), ["power:0", "above 0 and at most 10"]),
        (_set(("uncertainty", "aggregation"), ["power:500"]), ["above 0 and at most 10"]),
        (_set(("uncertainty", "weights", "concentration"), 1e-9), ["at least 10"]),
        (_set(("indicator", 6, "overlap_ack"), "  "), ["`aged_65_74` and `aged_75plus`", "overlap_ack"]),
        (_set(("indicator", 6, "numerator"), ["age_85plus", "age_85plus"]), ["age_85plus is named twice"]),
        (_set(("indicator", 0, "label"), " "), ["`routine_work` (label)", "says something"]),
        (
            _set(("indicator", 0, "label"), "disabled Residents"),
            ["two indicators have the label", "change one"],
        ),
        (_set(("domains", "skills", "label"), "Connection"), ["two domains have the label"]),
        (_set(("indicator",), []), ["a list with something in it"]),
    ],
)
def test_mistakes_are_named_with_what_to_do(edit, words):
    data = default_data()
    edit(data)
    if not words:
        assert parsed(data)
        return
    with pytest.raises(InputError) as fault:
        parsed(data)
    message = str(fault.value)
    assert message.startswith("Spec test.toml: ")
    for word in words:
        assert word in message, message


def test_more_indicators_than_can_be_explained_are_refused_before_anything_is_built():
    data = default_data()
    one = data["indicator"][2]
    data["indicator"][2:3] = [
        {
            **one,
            "id": f"i{k}",
            "label": f"I {k}",
            "column": f"c{k}",
            "weight": 1 / 11,
            "source": {"id": f"s{k}"},
        }
        for k in range(11)
    ]
    with pytest.raises(InputError, match=r"`connection` has 11 indicators.* at most 10; split it"):
        parsed(data)


def test_mode_none_allows_remoteness_inside_once():
    data = default_data()
    _add_indicator(column="iod2025_connectivity_score")(data)
    data["rural"] = {"mode": "none"}
    assert parsed(data).rural.mode == "none"


def test_files_that_are_not_there_or_not_toml(tmp_path):
    with pytest.raises(InputError, match="no such file.*default, scotland, northern_ireland, imd2025, deri"):
        load_spec(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[index\n", encoding="utf-8")
    with pytest.raises(InputError, match="broken.toml: not valid TOML"):
        load_spec(broken)


def test_power_and_harmonic_means_are_guarded():
    domains = {"a": (0.5, "arithmetic", [("x", 1.0, "+")]), "b": (0.5, "arithmetic", [("y", 1.0, "+")])}
    assert spec_of(domains, aggregation="power", power=2.0)
    assert spec_of(domains, aggregation="geometric", offset=1.0)
    with pytest.raises(InputError, match="power = 0"):
        spec_of(domains, aggregation="power", power=0.0)
    with pytest.raises(InputError, match="one sign"):
        spec_of(domains, aggregation="power", power=2.0, score="normal")
    with pytest.raises(InputError, match="goalposts"):
        spec_of(domains, indicator_score="goalposts")


def test_edited_specs_are_checked_again():
    spec = load_spec("default")
    assert spec.edited(rural={"lambda_": 0.0}).rural.lambda_ == 0.0
    assert spec.edited(rural={"lambda_": 0.0}).hash != spec.hash
    with pytest.raises(ValueError, match="greater than or equal"):
        spec.edited(rural={"lambda_": -1.0})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[index]\nid = 'a'".encode("utf-16"), "not text in UTF-8; save it again"),
        (b"[domains.a]\nweight = 0,35", "mend that line"),
        (b"", "`index` is missing in the file"),
    ],
)
def test_a_file_that_is_no_spec_is_one_sentence(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as fault:
        load_spec(path)
    assert "\n" not in str(fault.value)
    assert str(fault.value).startswith("Spec mine.toml: ")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    from importlib import resources

    text = resources.files("exclusion.index").joinpath("specs", "default.toml").read_bytes()
    (tmp_path / "mine.toml").write_bytes(b"\xef\xbb\xbf" + text)
    assert load_spec(tmp_path / "mine.toml").hash == load_spec("default").hash
