// Starts the tool on Folium's map: unpacks the data, wires the views, and redraws what a change of state touches.
exclusion.start = async function (map, layer, bounds) {
  "use strict";
  var load = exclusionLoad;
  try {
    var page = exclusion.page = new exclusion.Page(map, layer, bounds, JSON.parse(await load.text("facts")));
    await page.open(load);
  } catch (error) { load.fail("failed", error); }
};

exclusion.Page = class {
  constructor(map, layer, bounds, facts) {
    this.map = map;
    this.layer = layer;
    this.bounds = bounds;
    this.facts = facts;
    this.status = exclusion.byId("status");
  }

  async open(load) {
    var facts = this.facts, self = this, map = this.map;
    this.geometry = new exclusion.Geometry(await load.bytes("areas"), facts.zoom);
    var columns = exclusion.columnsFrom(await load.bytes("columns"), facts.columns, facts.codes.length);
    var model = this.model = new exclusion.Model(facts, columns);
    model.said = function (text) { exclusion.write(self.status, text); };
    // Nothing glides: the map jumps at once, for those whom motion makes unwell and for weak machines.
    var panBy = map.panBy;
    map.panBy = function (offset, options) { return panBy.call(map, offset, Object.assign({}, options, { animate: false })); };
    map.options.inertia = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    L.Control.ExclusionMove.all.forEach(function (control) {
      control.fill(map, model.words, function () { self.fitPlace(); }, model.said);
    });
    this.fitPlace();
    this.home = this._view();
    this.marks = new exclusion.VenueMarks(model, map, this.geometry, this.toLatLng.bind(this), function (venue) { self.onVenue(venue); });
    this.marks.onCrowding = function () { if (self.scheme) { self._legend(); } };
    await this._readReach(load);
    this.legend = new exclusion.Legend(model);
    this.switches = new exclusion.Switches(model);
    this.ground = new exclusion.SurfaceView(model, map, load);
    this.search = new exclusion.Search(model, this.geometry, function (entry) { self.go(entry); });
    this.search.readPostcodes(await load.bytes("postcodes"));
    this.card = new exclusion.Card(model, {
      zoom: function (area) { self.zoomTo([area]); }, clear: function () { self.clear(); }, print: function () { self.sheet.print("area"); },
      // The answer stands with the tries, so that is where the reader goes.
      tryHere: this.tries ? function (area) { exclusion.byId("tries-title").focus(); self.tryAt(self.pointOf(area)); } : null
    });
    this.table = new exclusion.Table(model, function (area) { self.choose(area, "table"); });
    this.sheet = new exclusion.Sheet(this);
    this._context(await load.bytes("context"));
    this._readLink();
    this._wireMap();
    this._wireButtons();
    model.listen(function (changed) { self.redraw(changed); });
    this.redraw(null);
    this.layer.fillWith(this.geometry, this.paint);
    exclusion.byId("map-wait").remove();
    document.documentElement.classList.add("ready");
  }

  async _readReach(load) {
    var bytes = await load.bytes("reach");
    if (!bytes) { return; }
    this.reach = new exclusion.Reach(bytes, this.facts.reach, this.facts.venues.length);
    this.tries = new exclusion.Tries(this.model, this.reach, this.marks, this.geometry);
  }

  _readLink() {
    var marks = this.marks, tries = this.tries;
    var state = exclusion.link.read(this.model, this.map, location.hash, function (id) {
      var at = marks.placeOf.get(id);
      return !!tries && at !== undefined && tries.reach.hasVenue(at);
    });
    var hasView = state.hasView;
    delete state.hasView;
    if (!("area" in state)) { state.area = -1; }
    Object.assign(this.model.state, state);
    if (state.area >= 0 && !hasView) { this._show(state.area); }
  }

  // The whole place, below the buttons where those lie in a row over the map.
  fitPlace() {
    var row = L.Control.ExclusionMove.all[0].box.getBoundingClientRect();
    this.map.fitBounds(this.bounds, { animate: false, paddingTopLeft: [0, row.width > row.height ? row.height + 10 : 0] });
  }

  _view() {
    var centre = this.map.getCenter();
    return [centre.lat.toFixed(4), centre.lng.toFixed(4), this.map.getZoom().toFixed(2)].join(",");
  }

  // Redraw what the changed parts of the state touch; null redraws all.
  redraw(changed) {
    var model = this.model;
    function touches() {
      return changed === null || Array.from(arguments).some(function (key) { return changed.has(key); });
    }
    if (this.tries && touches("tries", "trial", "minutes")) { this.tried = this.tries.draw(); }
    var isPaint = touches("measure", "two", "patterns", "classes", "top", "rural", "covered", "tries", "trial", "minutes");
    if (isPaint) { this._repaint(touches("top", "rural", "measure")); }
    if (touches("tries", "trial", "layers")) { this.marks.draw(); this.marks.drawNames(); }
    if (touches("layers")) { this._roads(); }
    if (touches("surface")) { this.ground.draw(); }
    if (isPaint || touches("layers", "surface")) { this._legend(); this.switches.draw(this.shownCount); }
    if (touches("measure", "top", "rural", "sort", "up", "two")) { this.table.draw(this.mask); }
    if (touches("area")) { this._chosen(); }
    this.writeLink();
    this._tell(changed);
  }

  // Events on the layer for whoever extends the map in Python (folium.elements.EventHandler) or in a script.
  _tell(changed) {
    var state = this.model.state, facts = this.facts;
    if (!changed) { return; }
    if (changed.has("area")) { this.layer.fire("areaselect", { code: state.area < 0 ? null : facts.codes[state.area] }); }
    if (changed.has("measure") || changed.has("two")) { this.layer.fire("measurechange", { measure: state.measure, isTwo: state.two }); }
    if (changed.has("tries") || changed.has("trial")) { this.layer.fire("trychange", { venues: state.tries[state.trial].slice() }); }
  }

  _repaint(isCounted) {
    var model = this.model;
    this.mask = model.mask();
    this.shownCount = this.mask.reduce(function (sum, one) { return sum + one; }, 0);
    this.scheme = exclusion.schemeOf(model);
    this.covered = model.state.covered && this.tried ? this.reach.covered(this.tried.reached, model.count) : null;
    this.paint = exclusion.paintOf(model, this.geometry, this.scheme, this.mask, this.covered);
    if (document.documentElement.classList.contains("ready")) {
      this.layer.recolour(this.paint);
      if (isCounted && this.shownCount < model.count) {
        model.said(model.words("map.shown_count", { n: exclusion.countText(this.shownCount), all: exclusion.countText(model.count) }));
      }
    }
  }

  _legend() {
    this.legend.draw(this.scheme, {
      isFiltered: this.shownCount < this.model.count, covered: !!this.covered, venues: this.marks.shownKinds(), hasRoads: !!(this.roads && this.model.state.layers.roads), isHidingSome: this.marks.isHidingSome()
    });
  }

  writeLink() {
    if (!document.documentElement.classList.contains("ready")) { return; }
    var text = exclusion.link.write(this.model, this.map, this.home);
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
    var other = exclusion.byId("other-language");
    if (other) { other.hash = text; }
  }

  // Packed pixels to and from the map's own coordinates.
  toLatLng(x, y) { return this.map.unproject([x, y], this.facts.zoom); }

  toPixels(latLng) { return this.map.project(latLng, this.facts.zoom); }

  pointOf(area) { return this.facts.points ? this.facts.points[area] : this.geometry.middle(area); }

  // Kilometres to one packed pixel at a place (Web Mercator stretches with latitude).
  kmPerPixel(y) {
    var latitude = this.map.unproject([0, y], this.facts.zoom).lat * Math.PI / 180;
    return 40075.017 * Math.cos(latitude) / (256 * Math.pow(2, this.facts.zoom));
  }

  viewBox() {
    var view = this.map.getBounds(), a = this.toPixels(view.getNorthWest()), b = this.toPixels(view.getSouthEast());
    return [a.x, a.y, b.x, b.y];
  }

  choose(area, from) {
    var model = this.model;
    model.set({ area: area });
    model.said(model.words("map.chosen", { name: model.facts.names[area] }));
    if (from !== "map") { this._show(area); }
    if (from === "table" || from === "search") { exclusion.byId("card-title").focus({ preventScroll: from === "search" }); }
    if (from !== "table") { this.table.reveal(area); }
  }

  clear() {
    this.model.set({ area: -1 });
    this.model.said(this.model.words("map.cleared"));
    exclusion.byId("card-title").focus();
  }

  _chosen() {
    var area = this.model.state.area, self = this;
    this.card.draw();
    this.table.mark(area);
    if (this.outline) { this.outline.remove(); this.outline = null; }
    if (area < 0) { return; }
    var rings = this.geometry.rings(area).map(function (ring) {
      return ring.map(function (point) { return self.toLatLng(point[0], point[1]); });
    });
    this.outline = L.layerGroup([["#ffffff", 6], ["#000000", 3]].map(function (stroke) {
      return L.polygon(rings, { color: stroke[0], weight: stroke[1], fill: false, interactive: false });
    })).addTo(this.map);
  }

  // Move the map only where the area is not in view or is too small to see.
  _show(area) {
    var box = this.geometry.box([area]), view = this.viewBox();
    var isSeen = box[0] > view[0] && box[1] > view[1] && box[2] < view[2] && box[3] < view[3];
    if (!isSeen || (box[2] - box[0]) * 12 < view[2] - view[0]) { this.zoomTo([area]); }
  }

  zoomTo(areas) {
    var box = exclusion.widened(this.geometry.box(areas), areas.length === 1 ? 2.5 : 1.1);
    this.map.fitBounds([this.toLatLng(box[0], box[3]), this.toLatLng(box[2], box[1])], { animate: false, maxZoom: 15 });
  }

  go(entry) {
    var model = this.model;
    if (entry.area !== undefined) { this.choose(entry.area, "search"); return; }
    if (entry.areas) {
      this.zoomTo(entry.areas);
      if (entry.areas.length === 1) { this.choose(entry.areas[0], "search"); return; }
    } else {
      var at = this.toLatLng(entry.point[0], entry.point[1]), area = this.geometry.pick(entry.point[0], entry.point[1]);
      this.map.setView(at, Math.max(this.map.getZoom(), 12), { animate: false });
      if (area >= 0) { this.choose(area, "search"); return; }
    }
    model.said(model.words("map.moved") + ": " + entry.name);
  }

  onVenue(venue) {
    var model = this.model;
    model.said(this.marks.describe(venue));
    if (this.tries && !venue.isExisting && this.reach.hasVenue(venue.at)) {
      var select = exclusion.byId("try-venue");
      select.value = venue.id;
      if (exclusion.byId("try-on-map").checked) { this.tries.add(venue.id); }
    }
  }

  tryAt(point) { this.tries.addNear(point[0], point[1], this.kmPerPixel(point[1])); }

  areaAt(latLng) {
    var at = this.toPixels(latLng);
    return this.geometry.pick(at.x, at.y);
  }

  describe(area) {
    var model = this.model, keys = model.state.two ? ["exclusion_score", "help_min"] : [model.state.measure];
    return model.words("map.under", {
      name: model.knownAs(area), value: keys.map(function (key) {
        return model.words("map.value", { label: model.measures.get(key).label, value: model.withUnit(key, area) });
      }).join(", ")
    });
  }

  _wireMap() {
    var self = this, map = this.map, model = this.model, box = map.getContainer(), cross = exclusion.make("div", { "class": "cross", "aria-hidden": "true" });
    box.appendChild(cross);
    map.on("click", function (event) {
      var onMap = exclusion.byId("try-on-map"), area = self.areaAt(event.latlng);
      if (onMap && onMap.checked) { var at = self.toPixels(event.latlng); self.tryAt([at.x, at.y]); return; }
      if (area >= 0) { self.choose(area, "map"); } else { model.said(model.words("map.outside")); }
    });
    box.addEventListener("keydown", function (event) {
      if (event.target !== box) { return; }
      var area = self.areaAt(map.getCenter());
      if (event.key === "Enter") {
        event.preventDefault();
        if (area < 0) { model.said(model.words("map.outside")); return; }
        self.choose(area, "map");
        model.said(self.describe(area));
      } else if (event.key === "Escape") {
        if (self.tip) { map.closeTooltip(self.tip); }
        model.set({ area: -1 });
        model.said(model.words("map.cleared"));
      }
    });
    // Leaflet gives the map focus on a click, and browsers then take it for focus by keyboard.
    box.addEventListener("pointerdown", function () { box.classList.add("by-pointer"); });
    ["keydown", "blur"].forEach(function (type) { box.addEventListener(type, function () { box.classList.remove("by-pointer"); }); });
    var isByKey = false;
    box.addEventListener("keydown", function (event) {
      isByKey = event.target === box && /^(Arrow|[-+=_]$)/.test(event.key);
    }, true);
    map.on("moveend", function () {
      self.writeLink();
      if (!isByKey) { return; }
      isByKey = false;
      var area = self.areaAt(map.getCenter());
      model.said(area < 0 ? model.words("map.outside") : self.describe(area));
    });
    var hover = -1, waiting = false;
    map.on("mousemove", function (event) {
      if (waiting) { return; }
      waiting = true;
      requestAnimationFrame(function () {
        waiting = false;
        // A mark under the pointer speaks for itself.
        var area = event.originalEvent.target.closest(".leaflet-marker-icon, .leaflet-interactive") ? -1 : self.areaAt(event.latlng);
        if (area < 0) { if (self.tip) { map.closeTooltip(self.tip); } hover = -1; return; }
        if (!self.tip) { self.tip = L.tooltip({ className: "area-tip", direction: "top", offset: [0, -10] }); }
        if (area !== hover) { self.tip.setContent(exclusion.make("span", { text: self.describe(area) })); hover = area; }
        self.tip.setLatLng(event.latlng);
        if (!map.hasLayer(self.tip)) { map.openTooltip(self.tip); }
      });
    });
    map.on("mouseout", function () { if (self.tip) { map.closeTooltip(self.tip); } hover = -1; });
  }

  _wireButtons() {
    var self = this, model = this.model;
    function on(id, act) {
      var element = exclusion.byId(id);
      if (element) { element.addEventListener("click", act); }
    }
    on("download", function () {
      var areas = self.table.rows;
      exclusion.csv.save(self._fileName(), exclusion.csv.build(model, areas, self.legend.title()));
      model.said(model.words("table.saved", { n: exclusion.countText(areas.length) }));
    });
    on("copy-link", function () {
      self.writeLink();
      var copied = navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject(new Error("no clipboard"));
      function tell(key) {
        model.said(model.words(key));
        exclusion.write(exclusion.byId("share-told"), model.words(key));
      }
      copied.then(function () { tell("share.copied"); }, function () { tell("share.not_copied"); });
    });
    on("print-view", function () { self.sheet.print("view"); });
    on("plan-print", function () { self.sheet.print("plan"); });
    on("try-print", function () { self.sheet.print("try"); });
    window.addEventListener("hashchange", function () {
      self._readLink();
      self.redraw(null);
    });
  }

  _fileName() {
    var place = exclusion.folded(this.facts.place).replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "areas";
    return "digital-exclusion-" + place + ".csv";
  }

  // Main roads and outlines of the councils round about: lines of packed pixels, kept for the printed sheet too.
  _context(bytes) {
    this.lines = [[], []];
    if (!bytes) { return; }
    var reader = new exclusion.StreamReader(bytes), kinds = reader.next(), starts = exclusion.starts(reader.next());
    var x = exclusion.summed(reader.signed()), y = exclusion.summed(reader.signed()), map = this.map, self = this;
    for (var line = 0; line < kinds.length; line++) {
      var points = [];
      for (var at = starts[line]; at < starts[line + 1]; at++) { points.push([x[at], y[at]]); }
      this.lines[kinds[line]].push(points);
    }
    function layer(name, kind, order, style) {
      map.createPane(name).style.zIndex = order;
      var lines = self.lines[kind].map(function (points) { return points.map(function (point) { return self.toLatLng(point[0], point[1]); }); });
      return L.polyline(lines, Object.assign({ pane: name, interactive: false, renderer: L.canvas({ pane: name }) }, style));
    }
    layer("outlines", 0, 150, exclusion.BEHIND.outlines).addTo(map);
    if (!this.lines[1].length) { return; }
    this.roads = L.layerGroup([layer("roads", 1, 250, exclusion.BEHIND.casing), layer("roads", 1, 250, exclusion.BEHIND.roads)]);
  }

  _roads() {
    if (!this.roads) { return; }
    if (this.model.state.layers.roads) { this.roads.addTo(this.map); } else { this.roads.remove(); }
  }
};

// How lines behind the names are drawn; roads have a light casing, so that they are seen on dark classes too.
exclusion.BEHIND = {
  outlines: { color: "#8a939a", weight: 1 }, casing: { color: "#ffffff", weight: 3, opacity: 0.55 }, roads: { color: "#5b3413", weight: 1.3, opacity: 0.9 }
};
