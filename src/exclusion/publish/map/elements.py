"""Folium's own pieces made fit for publishing: no network, no second Jinja pass, the same bytes each time.

Branca renders each element's macro and then compiles the *output* as a new Jinja template, so that a venue called
`{{7*191}}` would be executed. The elements here put their text in place as text. Ordinary Folium children can still
be added to the map; give texts that come from data to them through `plain_text`.
"""

import re
from typing import Any

from branca.element import Element, Figure, MacroElement
from folium.elements import JSCSSMixin
from folium.features import Control
from folium.folium import Map
from folium.map import Layer
from folium.template import Template
from folium.utilities import JsCode

from exclusion.publish.map.assets import content_security_policy, library_style, script_of, vendored
from exclusion.publish.map.markup import escaped
from exclusion.publish.map.packing import block, text_block


def plain_text(text: str) -> str:
    """Return text with template marks broken up, safe to hand to an ordinary Folium child (a popup, a tooltip)."""
    return re.sub(r"([{}])(?=[{}%#])|(?<=[%#])(})", lambda found: f"&#{ord(found.group(0))};", escaped(text))


class RawElement(Element):
    """Hold text that is put in the page as it is: never parsed as a template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._name = "RawElement"
        self.text = text

    def render(self, **kwargs: Any) -> str:
        """Return the text."""
        del kwargs
        return self.text


class RawMacroElement(MacroElement):
    """Render a Folium macro once, and put what comes out in the figure as raw text."""

    def render(self, **kwargs: Any) -> None:
        """Add this element's header, html and script to the figure, then render its children."""
        figure = self.get_root()
        if not isinstance(figure, Figure):
            raise TypeError("a map element can be rendered in a figure only: add it to a map first")
        for part in ("header", "html", "script"):
            macro = self._template.module.__dict__.get(part)
            if macro is not None:
                getattr(figure, part).add_child(RawElement(str(macro(self, kwargs))), name=self.get_name())
        for child in tuple(self._children.values()):
            child.render(**kwargs)


class PageSection(RawMacroElement):
    """Hold a piece of the page's HTML, already escaped, at its place among the figure's children."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self._name = "PageSection"
        self.markup = markup

    def render(self, **kwargs: Any) -> None:
        """Add the markup to the figure's body."""
        del kwargs
        self.get_root().html.add_child(RawElement(self.markup), name=self.get_name())


class PublicPage(Figure):
    """A whole page: language, title, a policy that forbids every network access, landmarks, data blocks.

    `blocks` are (name, bytes) pairs that the page's script unpacks; `style` is its style sheet; `script` our own code
    that stands before what Folium writes. Without any script the page has none and the policy allows none.
    """

    def __init__(
        self, *, language: str, title: str, style: str, own_script: str = "", blocks: tuple[tuple[str, bytes], ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(title=title)
        self.header = Element()
        self.header._parent = self  # noqa: SLF001 - as Folium's own figure does
        self.language = language
        self.style = style
        self.own_script = own_script
        self.blocks = blocks

    def render(self, **kwargs: Any) -> str:
        """Return the page's HTML; names of elements depend on their order alone."""
        # Folium adds elements while it renders; they are taken out after, so that a second rendering is the same.
        parts = (self.header, self.html, self.script)
        before = [(element, element._children.copy()) for element in (*self._named_in_order(), *parts)]  # noqa: SLF001
        for child in tuple(self._children.values()):
            child.render(**kwargs)
        head, body, folium_script = (_joined(part, kwargs) for part in parts)
        for element, children in before:
            element._children = children  # noqa: SLF001
        scripts: tuple[str, ...] = ()
        tail = ""
        if self.own_script:
            loader = script_of("loader.js")
            library = (
                library_style() + vendored("leaflet.js") + "\n" + vendored("marker.js") + self.own_script
            )
            # An end tag inside the text would close the element early; in a script's strings "<\/" means the same.
            page_script = folium_script.replace("</", "<\\/")
            scripts = (loader, library, page_script)
            tail = (
                text_block("script", library)
                + "".join(block(name, data) for name, data in self.blocks)
                + f'<script type="text/plain" id="page-script">{page_script}</script>\n'
                + f"<script>{loader}</script>\n"
            )
        return (
            "<!DOCTYPE html>\n"
            f'<html lang="{escaped(self.language)}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(scripts)}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
            f"<title>{escaped(self.title or '')}</title>\n<style>{self.style}</style>\n{head}</head>\n"
            f"<body>\n{body}{tail}</body>\n</html>\n"
        )

    def page_bytes(self) -> bytes:
        """Return the page as UTF-8; what UTF-8 cannot hold is shown as a question mark."""
        return self.render().encode("utf-8", "replace")

    def _named_in_order(self) -> list[Element]:
        """Return all elements of the tree, each given an id by its place: Folium takes random ones."""
        found: list[Element] = []
        waiting: list[Element] = list(self._children.values())
        while waiting:
            element = waiting.pop(0)
            found.append(element)
            element._id = f"{len(found):04d}"  # noqa: SLF001
            waiting[:0] = list(element._children.values())  # noqa: SLF001
        return found


def _joined(element: Element, kwargs: dict[str, Any]) -> str:
    return "".join(str(child.render(**kwargs)) for child in element._children.values())  # noqa: SLF001


class OfflineMap(RawMacroElement, Map):
    """A Folium map that loads nothing, lets the page be zoomed, and has a name for screen readers."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - Folium reads lists here
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    _template = Template(
        """
        {% macro html(this, kwargs) %}<div class="folium-map" id="{{ this.get_name() }}" role="application" aria-label="{{ this.label }}" tabindex="0"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
          center: {{ this.location|tojson }}, crs: L.CRS.{{ this.crs }}, ...{{ this.options|tojavascript }}
        });
        {{ this.get_name() }}.attributionControl.setPrefix(false);
        {% endmacro %}
        """
    )

    def __init__(self, *, figure: PublicPage, label: str, bounds: list[list[float]], **kwargs: Any) -> None:
        middle = [(bounds[0][0] + bounds[1][0]) / 2, (bounds[0][1] + bounds[1][1]) / 2]
        super().__init__(
            location=middle, tiles=None, zoom_control=False, zoom_start=8, prefer_canvas=False, **kwargs
        )
        self.label = escaped(label)
        figure.add_child(self)

    def render(self, **kwargs: Any) -> None:
        """Add the map and its children to the page."""
        RawMacroElement.render(self, **kwargs)


class AreaLayer(RawMacroElement, Layer):
    """All areas on one canvas: packed arcs, one integer column a measure, coloured through a table.

    The script's variable is an empty layer at once and fills itself when the page's data blocks are unpacked; it fires
    `areaselect`, `measurechange` and `trychange` for whoever extends the map.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = exclusion.areaLayer({{ this.options|tojavascript }});
        {% endmacro %}
        """
    )

    def __init__(self, name: str, bounds: list[list[float]], **options: Any) -> None:
        super().__init__(name=name, overlay=True, control=True, show=True)
        self._name = "AreaLayer"
        self.bounds = bounds
        self.options = options

    def render(self, **kwargs: Any) -> None:
        """Add the layer to its map."""
        Layer.render(self, **kwargs)

    def _get_self_bounds(self) -> list[list[float]]:
        """Return the areas' bounds so that `fit_bounds` and Folium's own bounds work."""
        return self.bounds


class OfflineControl(RawMacroElement, Control):
    """A Leaflet control whose class stands in our own scripts (`L.Control.<name>`)."""

    def render(self, **kwargs: Any) -> None:
        """Add the control to its map."""
        RawMacroElement.render(self, **kwargs)


class Planner(RawMacroElement, JSCSSMixin):
    """Start the page's tool (search, switches, card, table, tries) on a map and its area layer."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        exclusion.start({{ this.map_name }}, {{ this.layer_name }}, {{ this.bounds|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, area_map: OfflineMap, layer: AreaLayer) -> None:
        super().__init__()
        self._name = "Planner"
        self.area_map = area_map
        self.layer = layer
        self.bounds = layer.bounds

    @property
    def map_name(self) -> str:
        """Return the map's variable in the script."""
        return str(self.area_map.get_name())

    @property
    def layer_name(self) -> str:
        """Return the layer's variable in the script."""
        return str(self.layer.get_name())

    def render(self, **kwargs: Any) -> None:
        """Add the start call to the page's script."""
        RawMacroElement.render(self, **kwargs)


__all__ = [
    "AreaLayer", "JsCode", "OfflineControl", "OfflineMap", "PageSection", "Planner", "PublicPage", "RawElement",
    "RawMacroElement", "plain_text",
]  # fmt: skip
