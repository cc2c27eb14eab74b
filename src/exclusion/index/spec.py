"""The declaration of an index: what it is made of, how it is combined, and what about it was a choice.

A spec is a TOML file. It is read into frozen pydantic models; unknown keys are errors that name the key. The rules
that need the whole spec (weights, overlaps, rural terms) stand in `rules.py`.
"""

import tomllib
from collections.abc import Iterator
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from exclusion.errors import InputError
from exclusion.files import sha256_of_parts, stable_json
from exclusion.index.spec_faults import fault_sentence

SHIPPED = ("default", "scotland", "northern_ireland", "imd2025", "deri")

Score = Literal["exponential", "normal", "minmax", "goalposts", "zscore", "prank", "identity"]
Aggregation = Literal["arithmetic", "geometric", "harmonic", "power"]
# A mean of a higher power is the maximum in all but name, and leaves the range of 32-bit numbers.
MOST_POWER = 10.0

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Weight = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0)]
MissingRung = Annotated[
    str, StringConstraints(pattern=r"^(parent:[a-z0-9_]+|group_median:[a-z0-9_]+(\+[a-z0-9_]+)*|neutral)$")
]
ErrorModel = Annotated[
    str, StringConstraints(pattern=r"^(none|binomial|poisson|deff:\d+(\.\d+)?|se:[a-z0-9_]+)$")
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class IndexSection(_Model):
    """State what the index is called and how indicators, domains and the index are scored and combined."""

    id: Identifier
    version: Words
    label: Words
    geography: Literal["LSOA21", "Data Zone 2022", "Data Zone 2021"] = "LSOA21"
    n_expected: int | None = Field(default=None, gt=0)
    higher_is: Literal["more_excluded"]
    indicator_score: Score = "normal"
    score: Score = "exponential"
    score_scale: float = Field(default=100.0, gt=0)
    ties: Literal["average", "min"] = "average"
    aggregation: Aggregation = "arithmetic"
    power: float = Field(default=1.0, ge=-MOST_POWER, le=MOST_POWER)
    offset: float = Field(default=0.0, ge=0)
    weights_sum: float = 1.0
    min_observed_weight: float = Field(default=2 / 3, ge=0, le=1)


class Source(_Model):
    """Name the dataset behind an indicator."""

    id: str
    as_of: str = ""
    licence: str = ""


class Shrink(_Model):
    """Ask for empirical-Bayes shrinkage of a rate towards the rate of its group.

    `to` names the columns that make the group. Only an indicator whose median coefficient of variation exceeds
    `when_cv_above` is shrunk: a poor estate in a rich district must not be smoothed away without need.
    """

    method: Literal["eb", "iod"] = "eb"
    to: tuple[str, ...] = Field(min_length=1)
    when_cv_above: float = Field(default=0.20, ge=0)


class Treat(_Model):
    """Ask for outlier treatment: winsorise up to `winsor_max` values, then a logarithm, behind the usual gate."""

    winsor_max: int = Field(default=5, ge=0)
    then: Literal["none", "log_ct"] = "log_ct"


class Indicator(_Model):
    """Declare one indicator: a ready-made `column`, or numerator columns over denominator columns."""

    id: Identifier
    domain: Identifier
    label: Words
    weight: Weight
    direction: Literal["+", "-"]
    column: str | None = None
    numerator: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()
    multiplier: float = Field(default=100.0, gt=0)
    unit: str = ""
    phrase: Words
    phrase_low: str = ""
    error: ErrorModel = "none"
    shrink: Shrink | None = None
    treat: Treat | None = None
    missing: tuple[MissingRung, ...] = ("neutral",)
    max_missing: float = Field(default=0.05, ge=0, le=1)
    source: Source
    overlap_ack: str = ""
    score: Score | None = None
    goalposts: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.column is None) == (not self.numerator):
            raise ValueError("give either `column` (a ready-made value) or `numerator` and `denominator`")
        if self.numerator and not self.denominator:
            raise ValueError(
                "a numerator needs a `denominator`; a count alone would rank areas by their size"
            )
        doubled = [c for c in self.numerator if self.numerator.count(c) > 1]
        doubled += [c for c in self.denominator if self.denominator.count(c) > 1]
        if doubled:
            raise ValueError(
                f"the column {doubled[0]} is named twice and would be counted twice; name it once"
            )
        if self.score == "goalposts" and self.goalposts is None:
            raise ValueError("score = 'goalposts' needs `goalposts = [lowest, highest]`")
        if self.goalposts and self.goalposts[0] >= self.goalposts[1]:
            raise ValueError("goalposts must be given as [lowest, highest]")
        if self.error in {"binomial", "poisson"} and self.column is not None:
            raise ValueError(f"error = '{self.error}' needs counts: numerator and denominator")
        if self.shrink and self.column is not None:
            raise ValueError("shrinkage needs counts: numerator and denominator")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column of the indicator table that this indicator reads."""
        value = (self.column,) if self.column else (*self.numerator, *self.denominator)
        return (*value, *((self.error[3:],) if self.error.startswith("se:") else ()))


class Domain(_Model):
    """Declare one domain: its weight in the index, how its indicators combine, and what it means for action."""

    weight: Weight
    label: Words
    combine: Literal["arithmetic", "factor_ml"] = "arithmetic"
    needs: str = ""
    action: str = ""


class RuralMeasure(_Model):
    """Name one column that measures remoteness and the shape of its effect h, from 0 (near) to 1 (remote).

    linear: (t - t0) / (t1 - t0), clipped. saturating: 1 - exp(-(t - t0) / tau) beyond t0. rank: share of areas less
    remote. `phrase` completes "help in person is ..." for a resident.
    """

    column: str
    direction: Literal["+", "-"] = "+"
    shape: Literal["linear", "saturating", "rank"] = "linear"
    t0: float = 0.0
    t1: float | None = None
    tau: float | None = None
    unit: str = ""
    label: Words

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.shape == "linear" and (self.t1 is None or self.t1 <= self.t0):
            raise ValueError("shape = 'linear' needs t0 and a larger t1")
        if self.shape == "saturating" and (self.tau is None or self.tau <= 0):
            raise ValueError("shape = 'saturating' needs tau above zero")
        return self


class Rural(_Model):
    """Declare the rural term: the exclusion index is risk x (1 + lambda x h), never more than `cap` times risk."""

    mode: Literal["none", "effective_need"] = "none"
    measures: tuple[RuralMeasure, ...] = ()
    lambda_: float = Field(default=0.25, ge=0, alias="lambda")
    cap: float = Field(default=1.5, ge=1)


class Needs(_Model):
    """Declare the triage: a domain drives need from `threshold` on; help is far from `help_minutes` on."""

    threshold: float
    help_column: str = "help_min"
    help_minutes: float = Field(default=30.0, gt=0)
    help_label: str = "help-too-far"
    help_action: str
    multiple_label: str = "multiple"
    lower_label: str = "lower priority"
    lower_action: str


class WeightDraws(_Model):
    """Declare how weights vary: Dirichlet around the stated weights, tighter with a larger concentration.

    A weight w has the standard deviation sqrt(w (1 - w) / (concentration + 1)). Below 10 the draws are no longer
    around what was stated: most of the weight would fall on one or two domains.
    """

    kind: Literal["dirichlet", "fixed"] = "dirichlet"
    concentration: float = Field(default=140.0, ge=10)


class Uncertainty(_Model):
    """Declare everything that was a choice or a sample, and so is drawn."""

    draws: int = Field(default=2000, ge=100)
    seed: int = Field(default=20260101, ge=0)
    chunk: int = Field(default=100, ge=1)
    interval: float = Field(default=0.90, gt=0, lt=1)
    weights: WeightDraws = WeightDraws()
    normalisation: tuple[Literal["exponential", "normal", "minmax"], ...] = ()
    aggregation: tuple[
        Annotated[str, StringConstraints(pattern=r"^(arithmetic|power:\d+(\.\d+)?)$")], ...
    ] = ()
    sampling_error: bool = True
    imputation: bool = True
    people_offline: bool = True
    rural_lambda: tuple[Share, Share] | None = None
    leave_one_out: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.rural_lambda is not None and self.rural_lambda[0] > self.rural_lambda[1]:
            raise ValueError("rural_lambda must be given as [lowest, highest]")
        for kind in self.aggregation:
            power = float(kind.partition(":")[2] or 1.0)
            if not 0 < power <= MOST_POWER:
                raise ValueError(
                    f"aggregation {kind!r}: the power has to be above 0 and at most {MOST_POWER:g}"
                )
        return self


class Spec(_Model):
    """Hold one whole declaration of an index."""

    index: IndexSection
    domains: dict[Identifier, Domain]
    indicators: tuple[Indicator, ...] = Field(alias="indicator", min_length=1)
    rural: Rural = Rural()
    needs: Needs | None = None
    stratify: tuple[str, ...] = ()
    uncertainty: Uncertainty = Uncertainty()

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the declaration; the same for two files that say the same."""
        return sha256_of_parts([stable_json(self.model_dump(mode="json"))])

    @property
    def domain_ids(self) -> tuple[str, ...]:
        """Return the ids of the domains in the order of the file."""
        return tuple(self.domains)

    def in_domain(self, domain: str) -> tuple[int, ...]:
        """Return the positions of the indicators of a domain."""
        return tuple(k for k, indicator in enumerate(self.indicators) if indicator.domain == domain)

    def edited(self, **sections: dict[str, Any]) -> "Spec":
        """Return a copy with keys of whole sections replaced, such as `rural={"lambda_": 0.0}`; checked again."""
        return self.model_copy(
            update={
                name: type(getattr(self, name)).model_validate(
                    getattr(self, name).model_dump(by_alias=False) | changes
                )
                for name, changes in sections.items()
            }
        )


def load_spec(spec: str | Path) -> Spec:
    """Read a spec: the name of a shipped one (`default`, `scotland`, `northern_ireland`, `imd2025`, `deri`) or the path of a TOML file.

    InputError says in one sentence what is wrong, where and what to do.
    """
    from exclusion.index.rules import check_rules

    if str(spec) in SHIPPED:
        name = f"{spec}.toml"
        text = resources.files("exclusion.index").joinpath("specs", name).read_text(encoding="utf-8")
    else:
        path = Path(spec)
        name = path.name
        if not path.is_file():
            raise InputError(
                f"Spec {spec}: there is no such file and no shipped spec of that name; "
                f"give a path, or one of {', '.join(SHIPPED)}."
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as fault:
            raise InputError(f"Spec {name}: it is not text in UTF-8; save it again as UTF-8.") from fault
        except OSError as fault:
            raise InputError(f"Spec {name}: it cannot be read ({fault.strerror}).") from fault
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise InputError(
            f"Spec {name}: not valid TOML ({fault}); mend that line (texts stand in quotes, numbers have a decimal point)."
        ) from fault
    found = parse_spec(data, name)
    check_rules(found, name)
    return found


def parse_spec(data: dict[str, Any], name: str) -> Spec:
    """Return the spec in `data`, the content of a TOML file; InputError names the first key that is wrong."""
    try:
        return Spec.model_validate(data)
    except ValidationError as fault:
        raise InputError(f"Spec {name}: {fault_sentence(fault, data, _known_keys())}") from fault


def _known_keys() -> list[str]:
    def walk(model: type[BaseModel]) -> Iterator[str]:
        for field, info in model.model_fields.items():
            yield info.alias or field

    models = (
        Spec,
        IndexSection,
        Domain,
        Indicator,
        Source,
        Shrink,
        Treat,
        Rural,
        RuralMeasure,
        Needs,
        Uncertainty,
    )
    return sorted({key for model in models for key in walk(model)})
