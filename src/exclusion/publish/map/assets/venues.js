// Venues and place names on the map. Venues are reached by keyboard through the lists, so their marks are not in the
// tab order; a pointer can name them and, where reach is known, add them to the try.
exclusion.VenueMarks = class {
  constructor(model, map, toLatLng, act) {
    this.model = model;
    this.map = map;
    this.toLatLng = toLatLng;
    this.act = act;
    map.createPane("names").style.zIndex = 450;
    map.getPane("names").style.pointerEvents = "none";
    this.venues = model.facts.venues.map(function (row, at) {
      return { at: at, id: row[0], name: row[1], kind: row[2], isExisting: !!row[3], detail: row[4], x: row[5], y: row[6] };
    });
    this.placeOf = new Map(this.venues.map(function (venue) { return [venue.id, venue.at]; }));
    this.marks = L.layerGroup().addTo(map);
    this.names = L.layerGroup().addTo(map);
    map.on("zoomend moveend", this.drawNames, this);
    this.key = "";
  }

  kindOf(venue) {
    var state = this.model.state, order = this.model.facts.plan.indexOf(venue.id);
    if (state.tries[state.trial].indexOf(venue.id) >= 0) { return "trial"; }
    if (order >= 0 && state.layers.plan) { return "plan"; }
    if (venue.isExisting) { return state.layers.existing ? "existing" : ""; }
    return state.layers.candidates ? "candidate" : "";
  }

  shownKinds() {
    var found = new Set();
    this.venues.forEach(function (venue) { found.add(this.kindOf(venue)); }, this);
    return ["existing", "candidate", "plan", "trial"].filter(function (kind) { return found.has(kind); });
  }

  draw() {
    var self = this, plan = this.model.facts.plan;
    this.marks.clearLayers();
    this.venues.forEach(function (venue) {
      var kind = self.kindOf(venue);
      if (!kind) { return; }
      var box = exclusion.make("span", { "class": "mark mark-" + kind, text: kind === "plan" ? String(plan.indexOf(venue.id) + 1) : "" });
      var mark = L.marker(self.toLatLng(venue.x, venue.y), {
        icon: L.divIcon({ className: "mark-holder", html: box, iconSize: [24, 24] }), keyboard: false, interactive: true,
        zIndexOffset: { existing: 0, candidate: -100, plan: 200, trial: 400 }[kind]
      });
      mark.bindTooltip(exclusion.make("span", { text: self.describe(venue) }), { direction: "top", offset: [0, -8] });
      mark.on("click", function () { self.act(venue); });
      self.marks.addLayer(mark);
      var element = mark.getElement();
      if (element) { element.setAttribute("aria-hidden", "true"); element.removeAttribute("role"); element.removeAttribute("tabindex"); }
    });
  }

  describe(venue) {
    return [venue.name, venue.kind, venue.detail].filter(Boolean).join(", ");
  }

  // Where marks stand that a name must not run into; names stand a little above their point. Candidates are too many.
  marksShown() {
    var self = this, map = this.map;
    return this.venues.filter(function (venue) { return ["", "candidate"].indexOf(self.kindOf(venue)) < 0; }).map(function (venue) {
      var point = map.latLngToContainerPoint(self.toLatLng(venue.x, venue.y));
      return { x: point.x, y: point.y + 13, half: 10 };
    });
  }

  drawNames() {
    var self = this, map = this.map;
    this.names.clearLayers();
    if (!this.model.state.layers.names) { return; }
    var shown = exclusion.freeNames(this.model.facts.placeNames, function (place) {
      return map.latLngToContainerPoint(self.toLatLng(place[2], place[3]));
    }, map.getSize(), 1, this.marksShown());
    shown.forEach(function (entry) {
      var label = exclusion.make("span", { text: entry.place[0], "aria-hidden": "true" });
      self.names.addLayer(L.marker(self.toLatLng(entry.place[2], entry.place[3]), {
        pane: "names", interactive: false, keyboard: false,
        icon: L.divIcon({ className: "place-name size-" + entry.place[1], html: label, iconSize: [0, 0], iconAnchor: [0, -entry.shift] })
      }));
    });
  }
};

// Place names that fit a map of some size: the largest places first, and none that would overlap one already there.
// A name moves a little up or down to keep clear of the marks of venues, and is left out where that does not help.
exclusion.freeNames = function (places, pointOf, size, factor, marks) {
  var taken = [], blocked = marks || [], most = Math.round(size.x * size.y / (26000 * factor * factor));
  places.some(function (place) {
    var point = pointOf(place), half = (place[0].length * 3.6 + 8) * factor;
    if (point.x < half || point.y < 24 * factor || point.x > size.x - half || point.y > size.y - 10) { return false; }
    var shift = [0, -18, 18, -34, 34].find(function (by) {
      var y = point.y + by * factor;
      function isClear(other) { return Math.abs(other.y - y) > 18 * factor || Math.abs(other.x - point.x) > half + other.half; }
      return taken.every(isClear) && blocked.every(isClear);
    });
    if (shift !== undefined) { taken.push({ x: point.x, y: point.y + shift * factor, half: half, place: place, shift: shift }); }
    return taken.length >= most;
  });
  return taken;
};
