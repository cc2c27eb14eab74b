"""What the estimate and the index came to on held-out areas and on lists, in sentences for summaries and pages."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from exclusion.estimate.backtest import BackTest


def rural_effect(index: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Return in words what the weight for remoteness does to the list of the worst tenth."""
    from exclusion.index.rural import list_effect

    classes = table[["is_rural"]].reset_index()
    effect = list_effect(
        index, classes, sizes={"worst tenth": max(1, int(index["exclusion_rank"].notna().sum()) // 10)}
    ).iloc[0]
    said = (
        f"The weight for remoteness moves {effect['moved_areas']:,} of the {effect['areas']:,} areas of the worst tenth "
        f"({effect['moved_pct']:.1f}%): rural areas are {effect['rural_pct_of_risk_list']:.1f}% of the list by risk, "
        f"{effect['rural_pct_of_exclusion_list']:.1f}% of the list by the exclusion index, and "
        f"{effect['rural_pct_of_all']:.1f}% of all areas."
    )
    return [said]


def index_in_words(index: pd.DataFrame, peer: pd.DataFrame, yardstick: pd.DataFrame) -> list[str]:
    """Return how the index's two scores and a peer's recipe rank areas against observed behaviour.

    Nothing in either is fitted on it, so every council is held out.
    """
    from exclusion.estimate.backtest import overlap, spearman

    scores = index.set_index("lsoa21cd")[["risk_score", "exclusion_score"]]
    scores = scores.join(peer.set_index("lsoa21cd")["risk_score"].rename("peer_score"), validate="one_to_one")
    both = scores.join(yardstick[["observed_offline_share_pct", "dpi_carry"]], validate="one_to_one")
    both = both[both["dpi_carry"].eq("U")].dropna()
    if both.empty:
        return []
    observed = both["observed_offline_share_pct"].to_numpy(float)
    labels = {
        "risk_score": "Risk",
        "exclusion_score": "Exclusion index",
        "peer_score": "An index of equal thirds, as the Digital Exclusion Risk Index is made",
    }
    return [
        f"{label}: rank correlation {spearman(both[name].to_numpy(float), observed):.3f} with the observed share, "
        f"{100 * overlap(both[name].to_numpy(float), observed):.0f}% of the observed worst tenth found "
        f"({len(both):,} areas; nothing in it is fitted on them)."
        for name, label in labels.items()
    ]


def estimate_in_words(backtest: "BackTest") -> list[str]:
    """Return how the estimate back-tests beside the peer, in sentences."""
    facts, scores = backtest.facts, backtest.scores
    sentences = [
        f"Tested on {facts['areas']:,} areas of {facts['councils']} councils, each council held out of its own fit."
    ]
    for name, row in scores.iterrows():
        if pd.notna(row["spearman"]) and (name == scores.index[0] or name == "DERI v1.6"):
            sentences.append(
                f"{str(name)[:1].upper()}{str(name)[1:]}: rank correlation {row['spearman']:.3f} with the observed share, "
                f"{100 * row['worst_tenth_overlap']:.0f}% of the observed worst tenth found."
            )
    sentences.append(
        f"Intervals of {facts['confidence']:.0%} cover {facts['coverage']:.1%} of the held-out areas."
    )
    return sentences
