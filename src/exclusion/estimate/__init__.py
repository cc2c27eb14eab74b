"""People offline per area, with calibrated intervals and a back-test against observed behaviour.

`people.estimate_people_offline` is the way in. `features` and `neighbours` describe areas, `kernel` and `trees` are
the two halves of the estimator that `model` blends, `intervals` says how sure it is, `levels` and `bridge` bring
households in 2021 to adults now, `rounding` makes whole people that add up, `backtest` tests and `report` shows it.
Nothing heavy is imported here.
"""
