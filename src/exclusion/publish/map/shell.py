"""The HTML around the map: header, controls, area card, try-a-venue, table, footer; all of it readable without scripts."""

from exclusion.geography.place_names import known_as
from exclusion.publish.map.content import PageContent, has
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.measures import Column
from exclusion.publish.map.places import venue_names
from exclusion.publish.map.words import Words

NATIONAL_ROWS = 100


def page_top(content: PageContent, words: Words, columns: dict[str, Column]) -> str:
    """Return everything from the skip links to the box that holds the map."""
    return (
        f'<a class="skip" href="#find-text">{e(words("page.skip"))}</a>\n'
        f'<a class="skip" href="#areas">{e(words("page.skip_table"))}</a>\n'
        + banner(content, words)
        + f'<main id="main">\n<h1>{e(heading(content, words))}</h1>\n'
        + _leads(content, words, columns)
        + _compares(content, words)
        + '<p class="hidden" id="status" role="status" aria-live="polite"></p>\n'
        f'<noscript><p class="notice"{words.mark("page.noscript")}>{e(words("page.noscript_nation" if content.is_national else "page.noscript"))}</p></noscript>\n'
        f'<p class="notice" id="failure" data-old="{e(words("page.too_old"))}" data-failed="{e(words("page.failed"))}" hidden></p>\n'
        '<div class="tool">\n'
        + _find_and_show(content, words)
        + f'<section class="map-part needs-script" aria-label="{e(words("page.map_region"))}">\n'
        + '<p class="map-title" id="map-title"></p>\n<div class="map-box">\n'
        + f'<p class="map-wait" id="map-wait">{e(words("page.loading"))}</p>\n'
    )


def _leads(content: PageContent, words: Words, columns: dict[str, Column]) -> str:
    """Return the summary: how many people in sight, the rest in a part that narrow screens fold up."""
    first, *others = [
        f'<p class="lead"{words.mark(key)}>{e(text)}</p>\n'
        for key, text in lead_texts(content, words, columns)
    ]
    return first + _folded(words, "page.lead_more", "".join(others))


def _folded(words: Words, key: str, markup: str) -> str:
    """Return a part that stands open where there is room; on a narrow screen it is folded up until asked for."""
    return f'<details class="fold" open><summary{words.mark(key)}>{e(words(key))}</summary>\n{markup}</details>\n'


def _compares(content: PageContent, words: Words) -> str:
    """Return what compares with other nations and what does not, folded up; nothing where the page is like all others."""
    if not content.edition.compares:
        return ""
    items = "".join(f"<li{words.mark(key)}>{e(words(key))}</li>\n" for key in content.edition.compares)
    title = e(words("compare.title"))
    return f'<details class="compares"><summary{words.mark("compare.title")}>{title}</summary>\n<ul>\n{items}</ul></details>\n'


def map_end(content: PageContent, words: Words) -> str:
    """Return what follows the map: key, area card, credits, tries, then the plan."""
    return (
        "</div>\n</section>\n"
        f'<div class="side needs-script">\n<div class="key" id="key" role="group" aria-labelledby="key-title"><h2 id="key-title">{e(words("legend.title"))}</h2>\n'
        '<div id="key-body"></div></div>\n'
        f'<section class="panel card" id="card" aria-labelledby="card-title">\n<h2 id="card-title" tabindex="-1">'
        f'{e(words("card.heading"))}</h2>\n<div id="card-body"><p>{e(words("card.none"))}</p></div>\n</section>\n</div>\n'
        + _attribution(content, words)
        + _tries(content, words)
        + "</div>\n"
        + _plan(content, words)
    )


def banner(content: PageContent, words: Words) -> str:
    """Return the page's header with the demonstration notice where the data are made up."""
    edition = content.edition
    notice = edition.notice or (words("page.demonstration") if edition.is_demonstration else "")
    return (
        f'<header class="banner"><div class="wide">\n<p class="service">{e(words("page.service"))}</p>\n<nav aria-label="{e(words("page.service"))}">'
        + (
            f'<a href="{e(edition.index_href)}">{e(words("page.to_index"))}</a> '
            if edition.index_href
            else ""
        )
        + f'<a href="{e(edition.provenance_href)}">{e(words("page.to_made"))}</a>'
        + (
            f' <a id="other-language" href="{e(content.other_language)}" lang="{e(words("page.other_lang"))}" '
            f'hreflang="{e(words("page.other_lang"))}">{e(words("page.other"))}</a>'
            if content.other_language
            else ""
        )
        + "</nav>\n"
        f'<p class="appearance needs-script"><label for="appearance">{e(words("page.appearance"))}</label> <select id="appearance">'
        + "".join(
            f'<option value="{value}">{e(words(f"page.appearance_{value}"))}</option>'
            for value in ("auto", "light", "dark")
        )
        + "</select></p>\n</div>\n"
        + (
            f'<p class="demonstration"{words.mark() if edition.notice else ""}><strong>{e(notice)}</strong></p>\n'
            if notice
            else ""
        )
        + "</header>\n"
    )


def heading(content: PageContent, words: Words) -> str:
    """Return the page's main heading."""
    return content.title or words("page.heading", place=content.edition.place_name)


def lead_texts(content: PageContent, words: Words, columns: dict[str, Column]) -> list[tuple[str, str]]:
    """Return the summary as keys of words and texts; its figures are sums and orders of the very columns that the table shows."""
    from exclusion.publish.map.measures import number_text

    edition = content.edition
    areas = f"{len(content.areas):,}"
    texts: list[tuple[str, str]] = []

    def say(key: str, **values: object) -> None:
        texts.append((key, words(key, **values)))

    people = columns.get("people_offline")
    if people is not None:
        is_known = people.values != people.measure.missing
        total = int(
            people.values[is_known].astype("int64").sum() + people.measure.offset * int(is_known.sum())
        )
        place = {"place": edition.place_name, "areas": areas, "people": number_text(total, 0)}
        adults = columns.get("adults")
        if adults is not None and (adults.values != adults.measure.missing).all() and is_known.all():
            all_adults = int(adults.values.astype("int64").sum()) + adults.measure.offset * len(adults.values)
            share = f"{100 * total / all_adults:.1f}" if all_adults else "0.0"
            say("page.lead_people", share=share, adults=number_text(all_adults, 0), **place)
        else:
            say("page.lead_people_bare", **place)
        if edition.definition:
            say("page.lead_definition", definition=edition.definition)
    else:
        say("page.lead_areas", place=edition.place_name, areas=areas)
    order = rank_order(content, columns)
    columns_known = [name for name in ("lsoa21nm", "msoa_hcl_nm") if name in content.areas]
    top = content.areas[columns_known].iloc[order[:5]].to_dict("records")
    names = [known_as(area.get("msoa_hcl_nm"), str(area["lsoa21nm"])) for area in top]
    if "exclusion_rank" in columns and names:
        say("page.lead_top", names="; ".join(names))
    say("page.lead_date", edition=edition.name, date=edition.date_text, among=edition.ranked_among)
    return texts


def rank_order(content: PageContent, columns: dict[str, Column]) -> list[int]:
    """Return the areas' places in order of exclusion rank (then code); unranked areas come last."""
    rank = columns.get("exclusion_rank") or columns.get("risk_rank")
    if rank is None:
        return list(range(len(content.areas)))
    return [int(at) for at in rank.values.argsort(kind="stable")]


def _find_and_show(content: PageContent, words: Words) -> str:
    hint = (
        "find.hint_sector"
        if content.is_national and content.postcodes is not None
        else "find.hint_postcode"
        if content.postcodes is not None
        else "find.hint"
    )
    has_postcodes = content.postcodes is not None
    has_remoteness = has(content.table, "help_min") and has(content.table, "exclusion_score")
    parts = [
        f'<section class="panel controls needs-script" aria-label="{e(words("page.find_region"))}">\n',
        (
            f'<div class="field combo"><label for="find-text">{e(words("find.label"))}</label>\n'
            f'<p class="hint" id="find-hint">{e(words(hint))}</p>\n'
            + (
                ""
                if has_postcodes
                else f'<p class="hint"{words.mark("find.no_postcodes")}>{e(words("find.no_postcodes"))}</p>\n'
            )
            + '<input id="find-text" type="text" autocomplete="off" spellcheck="false" role="combobox" aria-expanded="false" '
            'aria-controls="find-list" aria-autocomplete="list" aria-describedby="find-hint">\n'
            f'<ul id="find-list" role="listbox" aria-label="{e(words("find.label"))}" hidden></ul>\n'
            '<p class="hint" id="find-told"></p></div>\n'
        ),
        (
            f'<div class="field"><label for="measure">{e(words("show.label"))}</label>\n<select id="measure"></select>\n'
            '<p class="hint" id="measure-note"></p></div>\n'
        ),
    ]
    choices = []
    if has_remoteness:
        choices.append(_check("two", words("show.two"), words("show.two_help"), words.mark("show.two_help")))
    choices.append(_check("patterns", words("show.patterns")))
    if content.national_breaks and not content.is_national:
        choices.append(
            f'<div class="field"><label for="classes-from">{e(words("show.classes"))}</label>\n<select id="classes-from">'
            f'<option value="nation">{e(words("show.classes_nation"))}</option>'
            f'<option value="page">{e(words("show.classes_page"))}</option></select></div>\n'
        )
    choices.append(
        f'<fieldset class="field"><legend>{e(words("show.top"))}</legend>\n'
        f'<label class="hidden" for="top-slider">{e(words("show.top"))}</label>'
        f'<input id="top-slider" type="range" min="1" max="{len(content.areas)}" value="{len(content.areas)}">\n'
        f'<label class="beside" for="top-number">{e(words("show.top_number"))}</label> '
        f'<input id="top-number" class="short" type="number" min="1" max="{len(content.areas)}" value="{len(content.areas)}">\n'
        '<p class="hint" id="top-text"></p></fieldset>\n'
    )
    if has(content.areas, "is_rural"):
        choices.append(
            f'<div class="field"><label for="rural">{e(words("show.rural"))}</label>\n<select id="rural">'
            + "".join(
                f'<option value="{v}">{e(words(f"show.rural_{v}"))}</option>'
                for v in ("all", "rural", "urban")
            )
            + "</select></div>\n"
        )
    choices.append(_layer_checks(content, words))
    choices.append(_surface_choice(content, words))
    choices.append(
        f'<p class="buttons"><button type="button" id="reset">{e(words("show.reset"))}</button>\n'
        f'<button type="button" id="copy-link">{e(words("share.link"))}</button>\n'
        f'<button type="button" id="print-view">{e(words("share.print"))}</button></p>\n<p class="hint" id="share-told"></p>\n'
    )
    return "".join(parts) + _folded(words, "show.more", "".join(choices)) + "</section>\n"


def _layer_checks(content: PageContent, words: Words) -> str:
    venues = content.venues
    boxes = []
    if venues is not None and len(venues):
        if bool(venues["is_existing"].any()):
            boxes.append(_check("layer-existing", words("show.existing"), is_checked=True))
        if not bool(venues["is_existing"].all()):
            boxes.append(_check("layer-candidates", words("show.candidates")))
        if content.plan is not None and content.plan.venue_ids:
            boxes.append(_check("layer-plan", words("show.plan"), is_checked=True))
    if content.context.place_names is not None and len(content.context.place_names):
        boxes.append(_check("layer-names", words("show.names"), is_checked=True))
    if content.context.roads is not None and len(content.context.roads):
        boxes.append(_check("layer-roads", words("show.roads"), is_checked=True))
    if not boxes:
        return ""
    return (
        f'<fieldset class="field"><legend>{e(words("show.layers"))}</legend>\n{"".join(boxes)}</fieldset>\n'
    )


def _surface_choice(content: PageContent, words: Words) -> str:
    if not content.surfaces:
        return ""
    options = "".join(
        f'<option value="{surface.key}">{e(words(f"surface.{surface.key}"))}</option>'
        for surface in content.surfaces
    )
    return (
        f'<div class="field"><label for="surface">{e(words("surface.label"))}</label>\n'
        f'<p class="hint" id="surface-hint"{words.mark("surface.hint")}>{e(words("surface.hint"))}</p>\n'
        f'<select id="surface" aria-describedby="surface-hint"><option value="">{e(words("surface.none"))}</option>{options}</select></div>\n'
    )


def _check(name: str, label: str, hint: str = "", mark: str = "", *, is_checked: bool = False) -> str:
    described = f' aria-describedby="{name}-hint"' if hint else ""
    return (
        f'<div class="check"><input type="checkbox" id="{name}"{described}{" checked" if is_checked else ""}>'
        f'<label for="{name}">{e(label)}</label>'
        + (f'<p class="hint" id="{name}-hint"{mark}>{e(hint)}</p>' if hint else "")
        + "</div>\n"
    )


def _attribution(content: PageContent, words: Words) -> str:
    texts = content.edition.attribution
    lines = "".join(f'<p class="credit"{words.mark()}>{e(text)}</p>\n' for text in texts)
    return f'<div class="credits">\n{_folded(words, "page.credits", lines)}</div>\n' if lines else ""


def _tries(content: PageContent, words: Words) -> str:
    if content.reach is None or content.venues is None or not len(content.venues):
        return ""
    return (
        f'<section class="panel tries needs-script" id="tries" aria-labelledby="tries-title">\n'
        f'<h2 id="tries-title" tabindex="-1">{e(words("try.heading"))}</h2>\n<p{words.mark("try.lead")}>{e(words("try.lead"))}</p>\n'
        '<div class="columns"><div>\n'
        f'<fieldset class="field inline"><legend>{e(words("try.which"))}</legend>'
        f'<label><input type="radio" name="try" id="try-a" value="0" checked> {e(words("try.a"))}</label> '
        f'<label><input type="radio" name="try" id="try-b" value="1"> {e(words("try.b"))}</label></fieldset>\n'
        f'<div class="field"><label for="minutes">{e(words("try.within"))}</label>\n<select id="minutes"></select></div>\n'
        f'<div class="field"><label for="try-venue">{e(words("try.pick"))}</label>\n<select id="try-venue"></select></div>\n'
        f'<p class="buttons"><button type="button" id="try-add" class="main-button">{e(words("try.add"))}</button>\n'
        f'<button type="button" id="try-best" aria-describedby="try-best-hint">{e(words("try.best"))}</button>\n'
        f'<button type="button" id="try-undo" disabled>{e(words("try.undo"))}</button>\n'
        f'<button type="button" id="try-clear" disabled>{e(words("try.clear"))}</button>\n'
        f'<button type="button" id="try-print">{e(words("try.print"))}</button></p>\n<p class="told" id="try-told"></p>\n'
        f'<p class="hint hidden" id="try-best-hint"{words.mark("try.best_hint")}>{e(words("try.best_hint"))}</p>\n'
        + _check("try-on-map", words("try.on_map"))
        + _check("covered", words("show.covered"))
        + (
            f'<p class="buttons"><button type="button" id="try-plan">{e(words("try.use_plan"))}</button></p>\n'
            if content.plan
            else ""
        )
        + '</div><div>\n<div id="try-result"></div>\n<div id="try-list"></div>\n</div>\n'
        '<div><div id="try-compare"></div>\n<div class="hint" id="try-notes"></div></div>\n</div></section>\n'
    )


def _plan(content: PageContent, words: Words) -> str:
    plan = content.plan
    if plan is None or not plan.venue_ids or content.venues is None:
        return ""
    from exclusion.publish.map.measures import number_text, scaled_integers

    names = venue_names(content, words)
    newly, is_known = scaled_integers(list(plan.newly_reached) or [float("nan")] * len(plan.venue_ids), 0)
    items = "".join(
        f'<li value="{plan.numbers_shown[at]}">{e(names.get(str(venue), venue))}'
        + (
            f' <span class="quiet">({e(words("plan.newly", people=number_text(int(newly[at]), 0)))})</span>'
            if is_known[at]
            else ""
        )
        + "</li>\n"
        for at, venue in enumerate(plan.venue_ids)
    )
    key = "plan.lead" if plan.minutes is None else "plan.lead_minutes"
    if plan.venues_in_all not in (None, len(plan.venue_ids)):
        key = key.replace("lead", "part")
    minutes = "" if plan.minutes is None else f"{plan.minutes:g}"
    lead = words(key, n=len(plan.venue_ids), all=plan.venues_in_all, minutes=minutes)
    return (
        f'<section class="panel plan" id="plan" aria-labelledby="plan-title">\n<h2 id="plan-title"{words.mark() if plan.title else ""}>{e(plan.title or words("plan.heading"))}</h2>\n'
        f"<p{words.mark(key)}>{e(lead)}</p>\n<ol>\n{items}</ol>\n"
        + (f"<p{words.mark()}>{e(plan.bound_text)}</p>\n" if plan.bound_text else "")
        + f'<p class="buttons needs-script"><button type="button" id="plan-print">{e(words("plan.print"))}</button></p></section>\n'
    )


def areas_table(content: PageContent, words: Words, columns: dict[str, Column]) -> str:
    """Return the table of areas, whole for a council and the highest hundred for a nation, and its tools."""
    order = rank_order(content, columns)
    caption = words("table.caption", place=content.edition.place_name)
    if content.is_national:
        order, caption = order[:NATIONAL_ROWS], words("table.caption_nation")
    shown = [key for key in ("exclusion_rank", "risk_rank", "people_offline") if key in columns]
    has_ward = has(content.areas, "wd_nm")
    has_reason = has(content.table, "reason")
    heads = [f'<th scope="col">{e(words("table.name"))}</th>']
    heads += [f'<th scope="col" class="num">{e(words(f"table.{key}"))}</th>' for key in shown]
    heads += [f'<th scope="col">{e(words("table.ward"))}</th>'] if has_ward else []
    heads += [f'<th scope="col">{e(words("table.reason"))}</th>'] if has_reason else []
    names = content.areas["lsoa21nm"].to_numpy()
    wards = content.areas["wd_nm"].to_numpy() if has_ward else ()
    reasons = content.table["reason"].to_numpy() if has_reason else ()
    unknown = words("table.unknown")
    rows = []
    for at in order:
        cells = [f'<th scope="row">{e(names[at])}']
        cells += [f"<td class=num>{e(columns[key].text(at) or unknown)}" for key in shown]
        cells += [f"<td>{e(text_or(wards[at], unknown))}"] if has_ward else []
        cells += [f"<td{words.mark()}>{e(text_or(reasons[at], unknown))}"] if has_reason else []
        rows.append("<tr>" + "".join(cells) + "\n")
    downloads = "".join(f'<li><a href="{e(href)}">{e(label)}</a></li>\n' for label, href in content.downloads)
    return (
        f'<section class="table-part" aria-labelledby="areas-title"><h2 id="areas-title">{e(words("page.table_region"))}</h2>\n'
        f'<p class="buttons needs-script"><button type="button" id="download">{e(words("table.download"))}</button></p>\n'
        + (
            f'<h3>{e(words("table.download_all"))}</h3>\n<ul class="contents">\n{downloads}</ul>\n'
            if downloads
            else ""
        )
        + f'<p class="needs-script" id="table-text"></p>\n<div class="scroll" role="region" aria-label="{e(words("table.scroll"))}" tabindex="0">\n'
        f'<table id="areas"><caption>{e(caption)}</caption>\n<thead><tr>{"".join(heads)}</tr></thead>\n<tbody>\n'
        + "".join(rows)
        + '</tbody></table></div>\n<p class="buttons needs-script" id="table-pages" hidden></p></section>\n'
    )


def text_or(value: object, otherwise: str) -> str:
    """Return a text, or the other where it is null or blank."""
    text = "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN differs from itself
    return text if text.strip() else otherwise


def page_bottom(content: PageContent, words: Words) -> str:
    """Return the footer: what this file is, and where the page on how it was made stands."""
    edition = content.edition
    return (
        f'</main>\n<div id="print-sheet" role="main" hidden></div>\n<footer class="wide"><p>{e(words("page.footer_offline"))}</p>\n'
        f"<p><span{words.mark('print.made_from')}>{e(words('print.made_from', edition=edition.name, date=edition.date_text))}</span> "
        f'<a href="{e(edition.provenance_href)}">{e(words("page.to_made"))}</a></p></footer>\n'
    )
