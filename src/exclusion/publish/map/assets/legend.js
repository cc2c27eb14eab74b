// The key: a list of classes in words with their number of areas; colour never stands alone.
exclusion.Legend = class {
  constructor(model) { this.model = model; this.place = exclusion.byId("key-body"); }

  draw(scheme, marks) {
    var model = this.model, measure = model.current();
    this.place.replaceChildren();
    exclusion.byId("map-title").textContent = this.title();
    if (model.state.surface) {
      this.place.appendChild(exclusion.SurfaceView.legend(model));
      this._marks(marks);
      return;
    }
    if (model.state.two) { this.place.appendChild(this._two(scheme)); }
    else { this.place.appendChild(this._one(scheme, measure)); }
    var notes = [];
    if (!model.state.two && measure.direction) { notes.push(measure.direction); }
    if (model.state.two) { notes.push(model.words("legend.two_of")); }
    else if (!measure.categories.length) {
      var from = measure.classesFrom === "nation" && model.state.classes === "page" ? "page" : measure.classesFrom;
      if (from) { notes.push(model.words("legend.from_" + from, { among: model.facts.among })); }
    }
    if (marks.isFiltered) { notes.push(model.words("legend.dimmed")); }
    if (marks.covered) { notes.push(model.words("legend.covered", { minutes: model.state.minutes })); }
    if (notes.length) {
      // Each in an element of its own: on a page in another language some of them are English.
      this.place.appendChild(exclusion.make("p", { "class": "hint" }, notes.reduce(function (parts, note) {
        return parts.concat(parts.length ? " " : null, exclusion.make("span", { text: note }));
      }, [])));
    }
    this._marks(marks);
  }

  _marks(marks) {
    var kinds = marks.venues.concat(marks.hasRoads ? ["roads"] : []);
    if (kinds.length) { this.place.appendChild(this.venues(kinds)); }
    if (marks.isHidingSome) { this.place.appendChild(exclusion.make("p", { "class": "hint", text: this.model.words("legend.zoom_in") })); }
  }

  title() {
    var model = this.model;
    if (model.state.surface) { return model.facts.place + ": " + model.words("surface.title_" + model.state.surface); }
    return model.facts.place + ": " + (model.state.two ? model.words("show.two") : model.current().label);
  }

  swatch(swatch) {
    var box = exclusion.make("span", { "class": "swatch pattern-" + swatch.pattern, "aria-hidden": "true" });
    box.style.backgroundColor = swatch.colour;
    box.style.setProperty("--ink", swatch.ink);
    return box;
  }

  count(number) {
    return number === 1 ? this.model.words("legend.areas_one")
      : this.model.words("legend.areas_many", { n: exclusion.countText(number) });
  }

  _one(scheme, measure) {
    var self = this, model = this.model, list = exclusion.make("ul", { "class": "classes" });
    var texts = measure.categories.length ? measure.categories.slice() : this.classTexts(measure);
    texts.push(model.words("legend.missing"));
    var order = scheme.swatches.map(function (_, at) { return at; });
    if (!measure.categories.length) { order = order.slice(0, -1).reverse().concat(order.slice(-1)); }
    order.forEach(function (at) {
      var swatch = scheme.swatches[at];
      if (!swatch.count && (measure.categories.length || at === scheme.swatches.length - 1)) { return; }
      list.appendChild(exclusion.make("li", {}, [
        self.swatch(swatch), exclusion.make("span", { text: texts[at] }),
        exclusion.make("span", { "class": "quiet", text: self.count(swatch.count) })
      ]));
    });
    return list;
  }

  // A class's limits in words, with the unit.
  classTexts(measure) {
    var model = this.model, breaks = model.breaks(measure), unit = measure.unit;
    function limit(value) {
      return model.limitText(measure, value) + (unit === "%" ? "%" : "");
    }
    var tail = unit && unit !== "%" ? " " + model.words("unit." + unit) : "";
    return Array.from({ length: breaks.length + 1 }, function (_, at) {
      var isFirst = at === 0, isLast = at === breaks.length;
      if (isFirst && isLast) { return measure.label; }
      if (isFirst) { return model.words("legend.below", { high: limit(breaks[0]) }) + tail; }
      if (isLast) { return model.words("legend.above", { low: limit(breaks[at - 1]) }) + tail; }
      var low = breaks[at - 1], high = breaks[at] - 1;
      return (low === high ? limit(low) : model.words("legend.between", { low: limit(low), high: limit(high) })) + tail;
    });
  }

  _two(scheme) {
    var self = this, model = this.model, levels = ["low", "middle", "high"];
    var table = exclusion.make("table", { "class": "two" }), body = exclusion.make("tbody");
    table.appendChild(exclusion.make("caption", { text: model.words("show.two") }));
    table.appendChild(exclusion.make("thead", {}, [exclusion.make("tr", {}, [
      exclusion.make("th", { scope: "col", text: model.words("legend.two_y") })
    ].concat(["near", "middle", "far"].map(function (level) {
      return exclusion.make("th", { scope: "col", text: model.words("legend.two_" + level) });
    })))]));
    [2, 1, 0].forEach(function (row) {
      body.appendChild(exclusion.make("tr", {}, [exclusion.make("th", { scope: "row", text: model.words("legend." + levels[row]) })].concat(
        [0, 1, 2].map(function (column) {
          var swatch = scheme.swatches[3 * row + column];
          return exclusion.make("td", {}, [self.swatch(swatch), exclusion.make("span", { text: exclusion.countText(swatch.count) })]);
        }))));
    });
    table.appendChild(body);
    return table;
  }

  venues(kinds) {
    var model = this.model, list = exclusion.make("ul", { "class": "classes marks" });
    kinds.forEach(function (kind) {
      list.appendChild(exclusion.make("li", {}, [
        exclusion.make("span", { "class": "mark mark-" + kind, "aria-hidden": "true" }), exclusion.make("span", { text: model.words("legend." + kind) })
      ]));
    });
    return list;
  }
};
