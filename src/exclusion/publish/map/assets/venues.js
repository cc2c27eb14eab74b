// Venues and place names on the map. Venues are reached by keyboard through the lists, so their marks are not in the
// tab order; a pointer can name them and, where reach is known, add them to the try.
exclusion.VenueMarks = class {
  constructor(model, map, geometry, toLatLng, act) {
    this.model = model;
    this.geometry = geometry;
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
    map.on("moveend", this.draw, this);
    this.crowding = "";
    this.drawn = new Map();
    this.onCrowding = function () {};
  }

  // A venue's number in the order of choice of the whole plan, of which a council's page may have a part.
  planNumber(venue) { return this.model.facts.planNumbers[this.model.facts.plan.indexOf(venue.id)]; }

  // On a sheet of the plan the plan's numbers stand, whatever is tried.
  kindOf(venue, isPlanSheet) {
    var state = this.model.state, order = this.model.facts.plan.indexOf(venue.id);
    if (!isPlanSheet && state.tries[state.trial].indexOf(venue.id) >= 0) { return "trial"; }
    if (order >= 0 && (isPlanSheet || state.layers.plan)) { return "plan"; }
    if (venue.isExisting) { return state.layers.existing ? "existing" : ""; }
    return state.layers.candidates ? "candidate" : "";
  }

  // Help over the border counts too, but is not this page's: its mark is smaller.
  isOver(venue) { return this.geometry.pick(venue.x, venue.y) < 0; }

  // What kind of mark a venue has on a view as crowded as this one; the plan and the try are always there.
  markOf(venue, crowding, isPlanSheet) {
    var kind = this.kindOf(venue, isPlanSheet);
    return crowding === "hidden" && (kind === "existing" || kind === "candidate") ? "" : kind;
  }

  shownKinds() {
    return exclusion.MARKS.filter(function (kind) {
      return this.venues.some(function (venue) { return this.markOf(venue, this.crowding) === kind; }, this);
    }, this);
  }

  isHidingSome() { return this.crowding === "hidden"; }

  // Pixels of the view for each mark in it: where there are few, marks turn into dots, and with fewer still into none,
  // for a map under its own marks says nothing.
  crowdingOf(venues, pixels) {
    var marks = venues.filter(function (venue) { return ["existing", "candidate"].indexOf(this.kindOf(venue)) >= 0; }, this).length;
    return marks > 60 && pixels / marks < 400 ? "hidden" : marks > 60 && pixels / marks < 1400 ? "dots" : "";
  }

  // Marks of the view and a little beyond it; those that stay as they are stay in the page.
  draw() {
    var self = this, map = this.map, before = this.crowding, size = map.getSize();
    var seen = this._within(map.getBounds()), near = this._within(map.getBounds().pad(0.3)), wanted = new Map();
    this.crowding = this.crowdingOf(seen, size.x * size.y);
    map.getContainer().classList.toggle("marks-dots", this.crowding === "dots");
    near.forEach(function (venue) {
      var kind = self.markOf(venue, self.crowding);
      if (kind) { wanted.set(venue.id + " " + kind + (kind === "plan" ? self.planNumber(venue) : ""), [venue, kind]); }
    });
    this.drawn.forEach(function (mark, key) {
      if (!wanted.has(key)) { self.marks.removeLayer(mark); self.drawn.delete(key); }
    });
    wanted.forEach(function (entry, key) {
      if (!self.drawn.has(key)) { self.drawn.set(key, self._mark(entry[0], entry[1])); }
    });
    if (before !== this.crowding) { this.onCrowding(); }
  }

  _within(bounds) {
    var self = this, a = this.map.project(bounds.getNorthWest(), this.model.facts.zoom), b = this.map.project(bounds.getSouthEast(), this.model.facts.zoom);
    return this.venues.filter(function (venue) {
      return (venue.x >= a.x && venue.x <= b.x && venue.y >= a.y && venue.y <= b.y) || ["plan", "trial"].indexOf(self.kindOf(venue)) >= 0;
    });
  }

  _mark(venue, kind) {
    var self = this;
    var isOver = kind === "existing" && this.isOver(venue);
    var box = exclusion.make("span", { "class": "mark mark-" + kind + (isOver ? " mark-over" : ""), text: kind === "plan" ? String(this.planNumber(venue)) : "" });
    var mark = L.marker(this.toLatLng(venue.x, venue.y), {
      icon: L.divIcon({ className: "mark-holder", html: box, iconSize: [24, 24] }), keyboard: false, interactive: true,
      zIndexOffset: { existing: 0, candidate: -100, plan: 200, trial: 400 }[kind]
    });
    mark.bindTooltip(exclusion.make("span", { text: this.describe(venue) }), { direction: "top", offset: [0, -8] });
    mark.on("click", function () { self.act(venue); });
    this.marks.addLayer(mark);
    var element = mark.getElement();
    if (element) { element.setAttribute("aria-hidden", "true"); element.removeAttribute("role"); element.removeAttribute("tabindex"); }
    return mark;
  }

  describe(venue) {
    return [venue.name, venue.kind, venue.detail].filter(Boolean).join(", ");
  }

  // Where marks stand that a name must not run into; names stand a little above their point.
  marksShown(kinds) {
    var self = this, map = this.map;
    return this.venues.filter(function (venue) { return kinds.indexOf(self.markOf(venue, self.crowding)) >= 0; }).map(function (venue) {
      var point = map.latLngToContainerPoint(self.toLatLng(venue.x, venue.y));
      return { x: point.x, y: point.y + 13, half: 10, tall: 18 };
    });
  }

  // Where buttons and the scale lie over the map: a name under them could not be read.
  controlsShown() {
    var box = this.map.getContainer(), around = box.getBoundingClientRect();
    return Array.from(box.querySelectorAll(".move, .leaflet-control-scale")).map(function (control) {
      var own = control.getBoundingClientRect();
      return {
        x: own.left - around.left + own.width / 2, y: own.top - around.top + own.height / 2 + 13, half: own.width / 2, tall: own.height / 2 + 8
      };
    });
  }

  drawNames() {
    var self = this, map = this.map;
    this.names.clearLayers();
    if (!this.model.state.layers.names) { return; }
    var shown = exclusion.freeNames(this.model.facts.placeNames, function (place) {
      return map.latLngToContainerPoint(self.toLatLng(place[2], place[3]));
    }, map.getSize(), 1, this.marksShown(["existing", "plan", "trial"]).concat(this.controlsShown()), this.marksShown(["candidate"]));
    shown.forEach(function (entry) {
      var label = exclusion.make("span", { text: entry.place[0], "aria-hidden": "true" });
      self.names.addLayer(L.marker(self.toLatLng(entry.place[2], entry.place[3]), {
        pane: "names", interactive: false, keyboard: false,
        icon: L.divIcon({ className: "place-name size-" + entry.place[1], html: label, iconSize: [0, 0], iconAnchor: [0, -entry.shift] })
      }));
    });
  }
};

// Kinds of mark, in the order of the key.
exclusion.MARKS = ["existing", "candidate", "plan", "trial"];

// Place names that fit a map of some size: the largest places first, and none that would overlap one already there.
// A name moves a little up or down to keep clear of what it must not run into (`blocked`), and is left out where that
// does not help; it keeps clear of `avoided` too where there is room: the marks of candidates are too many to lose names.
exclusion.freeNames = function (places, pointOf, size, factor, blocked, avoided) {
  var taken = [], own = 0, most = Math.round(size.x * size.y / (26000 * factor * factor));
  places.forEach(function (place) {
    // Councils round about stand where the page has nothing else, and do not take the place of its own names.
    if (place[1] < 5 && own >= most) { return; }
    var point = pointOf(place), half = (place[0].length * 3.6 + 8) * factor;
    if (point.x < half || point.y < 24 * factor || point.x > size.x - half || point.y > size.y - 10) { return; }
    var free = [0, -18, 18, -34, 34, -50, 50].filter(function (by) {
      return isClear(taken, by) && isClear(blocked, by);
    });
    function isClear(others, by) {
      var y = point.y + by * factor;
      return others.every(function (other) { return Math.abs(other.y - y) > other.tall || Math.abs(other.x - point.x) > half + other.half; });
    }
    if (!free.length) { return; }
    var best = free.find(function (by) { return Math.abs(by) <= 18 && isClear(avoided, by); }), shift = best === undefined ? free[0] : best;
    taken.push({ x: point.x, y: point.y + shift * factor, half: half, tall: 18 * factor, place: place, shift: shift });
    if (place[1] < 5) { own++; }
  });
  return taken;
};
