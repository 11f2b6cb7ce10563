"""README.md quotes what was measured."""

import re

import pytest

from scripts import readme

TEXT = readme.README.read_text(encoding="utf-8")


def test_stamping_the_readme_changes_nothing():
    assert readme.stamped(TEXT) == TEXT


@pytest.mark.parametrize(
    ("measured", "typed"),
    [
        ("off by 24.6 rentals", "off by 4.6 rentals"),
        ("Fréchet distance of 0.57", "Fréchet distance of 0.07"),
        ("about 1.55 nats", "about 0.55 nats"),
        ("mean 82.8 %", "mean 92.8 %"),
        ("reaches 90.2 %", "reaches 92.2 %"),
        ("84 s for ours", "48 s for ours"),
    ],
)
def test_a_figure_that_is_typed_is_noticed(measured, typed):
    assert TEXT.count(measured) == 1
    assert readme.stamped(TEXT.replace(measured, typed)) == TEXT


def test_a_marker_without_a_text_is_noticed():
    with pytest.raises(LookupError, match="differ in: {'nothing'}"):
        readme.stamped(TEXT + "<!-- results nothing --><!-- /results -->")


def test_no_figure_stands_outside_the_markers():
    """But for what others publish, what the set-up takes and how long a notebook takes."""
    typed = readme.PLACE.sub("", TEXT[TEXT.index("## The notebooks") :])
    figures = re.findall(r"\d[\d.,]*(?: ×| %| s\b| nats| rentals)|\b0\.\d+|\bFréchet\b", typed)
    assert figures == ["87.5 %"]
