"""Colours told apart by every reader, and texts that stand out from what is behind them."""

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

ASSETS = files("exclusion.publish.map") / "assets"
# Machado, Oliveira and Fernandes (2009), full severity: what people without red, green or blue cones see (linear RGB).
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    matrix = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = matrix @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    lights = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def palette(name: str) -> list[str]:
    text = (ASSETS / "model.js").read_text(encoding="utf-8")
    return re.findall(r"#[0-9a-f]{6}", re.search(rf"exclusion\.{name} = (.*?);", text, re.DOTALL)[1])


@pytest.mark.parametrize("name", ["PALETTE", "TWO"])
@pytest.mark.parametrize("vision", sorted(VISION))
def test_any_two_classes_differ_for_every_kind_of_colour_vision(name, vision):
    colours = [lab(VISION[vision] @ linear(colour)) for colour in palette(name)]
    assert len(colours) == {"PALETTE": 5, "TWO": 9}[name]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2)) >= 10


def test_the_single_palette_darkens_step_by_step():
    lightness = [lab(linear(colour))[0] for colour in palette("PALETTE")]
    assert all(before - after > 8 for before, after in itertools.pairwise(lightness))


@pytest.mark.parametrize("block", range(3))
def test_texts_and_edges_stand_out_in_both_appearances(block):
    text = (ASSETS / "base.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part))
        for part in re.findall(r"\{([^{}]*--ink:[^{}]*)\}", text)
    ]
    assert len(blocks) == 3
    assert blocks[1] == blocks[2], "dark is one appearance, chosen or by the device"
    colour = blocks[block]
    for ink, paper in (
        ("ink", "paper"), ("ink", "panel"), ("quiet", "paper"), ("quiet", "panel"), ("link", "paper"), ("link", "panel"),
        ("main-ink", "main"), ("notice", "notice-paper"), ("banner-ink", "banner"), ("focus-ink", "focus"), ("ink", "chosen"),
        ("link", "chosen"), ("notice", "panel"), ("paper", "link"),
    ):  # fmt: skip
        assert contrast(colour[ink], colour[paper]) >= 4.5, (ink, paper)
    for graphic, paper in (("edge", "paper"), ("edge", "panel"), ("bar", "panel"), ("bar-negative", "panel")):
        assert contrast(colour[graphic], colour[paper]) >= 3, (graphic, paper)
