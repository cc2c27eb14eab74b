"""The plain pages' common parts: a header, a body, a footer, and a script small enough to read."""

from exclusion.publish.map.assets import PAGE_STYLES, content_security_policy, script_of, style_of
from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.words import Words


def plain_page(
    edition: Edition,
    words: Words,
    *,
    title: str,
    body: str,
    scripts: tuple[str, ...] = (),
    styles: tuple[str, ...] = (),
    links: tuple[tuple[str, str], ...] = (),
    style: str = "",
) -> bytes:
    """Return a page without a map as UTF-8 HTML: language, title, policy, skip link, landmarks.

    `body` is escaped HTML; `scripts` and `styles` name further asset files of ours; `links` are (address, text) for the header;
    `style` is CSS of the page's own.
    """
    script = script_of(*scripts).replace("</", "<\\/") if scripts else ""
    policy = content_security_policy((script,) if script else ())
    notice = edition.notice or (words("page.demonstration") if edition.is_demonstration else "")
    nav = "".join(f'<a href="{e(href)}">{e(text)}</a> ' for href, text in links)
    credit_lines = "".join(f'<p class="credit">{e(text)}</p>\n' for text in edition.attribution)
    page = (
        f'<!DOCTYPE html>\n<html lang="{e(words("page.lang"))}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{e(title)}</title>\n<style>{style_of(*PAGE_STYLES, *styles)}{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">{e(words("page.skip_main"))}</a>\n'
        f'<header class="banner"><div class="wide"><p class="service">{e(words("page.service"))}</p>\n'
        + (f'<nav aria-label="{e(words("page.service"))}">{nav}</nav>' if nav else "")
        + "</div>\n"
        + (f'<p class="demonstration"><strong>{e(notice)}</strong></p>\n' if notice else "")
        + "</header>\n"
        + f'<main id="main" tabindex="-1">\n{body}</main>\n<footer class="wide">{credit_lines}<p>{e(words("page.footer_offline"))}</p>'
        f"<p>{e(words('print.made_from', edition=edition.name, date=edition.date_text))}</p></footer>\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )
    return page.encode("utf-8", "replace")
