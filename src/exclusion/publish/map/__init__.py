"""Maps that open from a shared drive, offline, by keyboard or screen reader; Folium writes them.

`exclusion.publish.map.page.build_page`, `.index_page.build_index`, `.provenance.build_provenance` and
`.content.PageContent` are the doors of this room.
"""
