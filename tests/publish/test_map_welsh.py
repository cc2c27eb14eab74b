"""Pages in Welsh: official terms, English where there is none and marked as English, and a switch both ways."""

import re
import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest

from exclusion.publish.map.councils import council_contents, council_pages
from exclusion.publish.map.page import build_page
from exclusion.publish.map.words import words_of
from tests.publish.map_made import made_content

CONTENT = made_content()


def test_welsh_texts_take_the_same_values_as_the_english_ones():
    english, welsh = words_of("en").entries, words_of("cy").entries
    for key, text in welsh.items():
        assert set(re.findall(r"{(\w+)}", text)) <= set(re.findall(r"{(\w+)}", english[key])), key


def test_a_key_without_welsh_is_english_and_known_to_be():
    words = words_of("cy")
    own = tomllib.loads((files("exclusion.publish.map") / "words" / "cy.toml").read_text(encoding="utf-8"))
    assert "lead" not in own["try"]
    assert words("try.lead") == words_of("en")("try.lead")
    assert words.mark("try.lead") == ' lang="en-GB"'
    assert words.mark("find.postcode") == ""
    assert words.mark() == ' lang="en-GB"', "texts from data are English"
    assert words_of("en").mark("try.lead") == words_of("en").mark() == ""


@pytest.mark.parametrize(
    "term", ["Cod post", "Cyngor", "Chwilio am ardal", "Mynegai allgáu", "Lawrlwytho", "Argraffu", "Allwedd"]
)
def test_settled_terms_are_used(term):
    assert any(text.startswith(term) for text in words_of("cy").entries.values())


def test_a_council_of_wales_has_a_page_in_each_language_that_lead_to_each_other():
    areas = CONTENT.areas.assign(lad_cd=CONTENT.areas["lad_cd"].replace("E06000999", "W06000999"))
    hrefs = {"E06000998": "fellshire.html", "W06000999": "marrick.html"}
    content = replace(CONTENT, areas=areas)
    parts = [
        (code, part.language, part.other_language) for code, part, _ in council_contents(content, hrefs=hrefs)
    ]
    assert parts == [
        ("E06000998", "en", ""), ("W06000999", "en", "marrick-cy.html"), ("W06000999", "cy", "marrick.html"),
    ]  # fmt: skip
    pages = {(code, language): page.decode() for code, language, page in council_pages(content, hrefs=hrefs)}
    english, welsh = pages["W06000999", "en"], pages["W06000999", "cy"]
    assert '<a id="other-language" href="marrick-cy.html" lang="cy" hreflang="cy">Cymraeg</a>' in english
    assert '<a id="other-language" href="marrick.html" lang="en-GB" hreflang="en-GB">English</a>' in welsh
    assert 'id="other-language"' not in pages["E06000998", "en"]


def test_english_texts_on_a_welsh_page_say_so():
    text = build_page(replace(CONTENT, language="cy")).decode()
    assert '<html lang="cy">' in text
    assert re.search(r'<p lang="en-GB">See how many more', text)
    assert re.search(r'<td lang="en-GB">High for skills', text)
    assert not re.search(r'<p class="lead" lang="en-GB">Fellshire: amcangyfrifir', text)
    assert ' lang="en-GB"' not in build_page(CONTENT).decode().replace('<html lang="en-GB">', "")
