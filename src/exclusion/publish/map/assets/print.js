// A clean A4 sheet with its own map, drawn afresh at the sheet's size: of an area, of the plan or try, or of the view.
exclusion.Sheet = class {
  constructor(page) {
    this.page = page;
    this.place = exclusion.byId("print-sheet");
    this.kind = "";
    var self = this;
    window.addEventListener("beforeprint", function () { self.fill(self.kind || self.guess()); });
    window.addEventListener("afterprint", function () {
      self.kind = "";
      self.place.replaceChildren();
      self.place.hidden = true;
    });
  }

  guess() {
    var state = this.page.model.state;
    return exclusion.byId("plan-explained") ? "plan" : state.area >= 0 ? "area" : state.tries[state.trial].length ? "try" : "view";
  }

  print(kind) {
    this.kind = kind;
    window.print();
  }

  fill(kind) {
    var page = this.page, model = page.model, make = exclusion.make, facts = model.facts, area = model.state.area;
    var titles = {
      area: area >= 0 ? model.words("print.title_area", { name: facts.names[area] }) : "",
      plan: model.words("print.title_plan", { place: facts.place }),
      "try": model.words("print.title_try", { place: facts.place, minutes: model.state.minutes }), view: page.legend.title()
    };
    var sheet = [
      facts.notice ? make("p", { "class": "demonstration", text: facts.notice }) : null,
      make("h1", { text: titles[kind] }),
      make("p", { "class": "quiet", text: model.words("print.made_from", { edition: facts.edition, date: facts.date }) + " " + model.words("print.ranked", { among: facts.among }) })
    ];
    var left = make("div", { "class": "sheet-map" }, [this._map(kind), this._key()]);
    if (kind === "area") { left.appendChild(make("div", { "class": "sheet-text" }, page.card.basis(area))); }
    var right = make("div", { "class": "sheet-text" }, 
      kind === "area" ? page.card.story(area) : kind === "plan" ? this._plan() : kind === "try" ? this._try() : this._top());
    sheet.push(make("div", { "class": "sheet-columns" }, [left, right]));
    var explained = kind === "plan" ? exclusion.byId("plan-explained") : null;
    if (explained) { sheet.push(make("div", { "class": "sheet-text" }, [this._copy(explained)])); }
    sheet.push(make("div", { "class": "sheet-credits" }, facts.credits.map(function (text) { return make("p", { text: text }); })));
    this.place.replaceChildren.apply(this.place, sheet.filter(Boolean));
    // On the sheet the parts stand right under its title.
    if (!right.querySelector("h2")) {
      this.place.querySelectorAll(".sheet-columns h3").forEach(function (title) { title.replaceWith(make("h2", { text: title.textContent })); });
    }
    this.place.className = "sheet-" + kind;
    this.place.hidden = false;
  }

  _key() {
    var copy = exclusion.byId("key-body").cloneNode(true), marks = copy.querySelector(".marks");
    copy.removeAttribute("id");
    if (marks) { marks.remove(); }
    if (this.kinds.length) { copy.appendChild(this.page.legend.venues(this.kinds)); }
    return exclusion.make("div", { "class": "key" }, [
      exclusion.make("p", { "class": "sheet-key-title", text: this.page.legend.title() }), copy
    ]);
  }

  _plan() {
    var plan = exclusion.byId("plan");
    return plan ? [this._copy(plan)] : [];
  }

  _try() {
    return ["try-result", "try-list", "try-compare", "try-notes"].map(function (id) { return this._copy(exclusion.byId(id)); }, this);
  }

  // A part of the page for paper: no buttons, no second use of an id.
  _copy(part) {
    var copy = part.cloneNode(true);
    copy.querySelectorAll("button").forEach(function (button) { button.remove(); });
    [copy].concat(Array.from(copy.querySelectorAll("[id]"))).forEach(function (element) { element.removeAttribute("id"); });
    copy.removeAttribute("aria-labelledby");
    copy.classList.remove("panel");
    return copy;
  }

  _top() {
    var page = this.page, model = page.model, make = exclusion.make, key = model.state.measure, measure = model.current();
    var areas = page.table.rows.slice(0, 10);
    return [make("table", {}, [
      make("caption", { text: model.words("print.top_ten") }),
      make("thead", {}, [make("tr", {}, [
        make("th", { scope: "col", text: model.words("table.name") }), make("th", { scope: "col", "class": "num", text: measure.label })
      ])]),
      make("tbody", {}, areas.map(function (area) {
        return make("tr", {}, [
          make("th", { scope: "row", text: model.facts.names[area] }),
          make("td", { "class": "num", text: model.text(key, area) || model.words("table.unknown") })
        ]);
      }))
    ])];
  }

  // The map drawn for the sheet: the same raster and lines as on screen, on one canvas.
  _map(kind) {
    var page = this.page, geometry = page.geometry, width = 1000, area = page.model.state.area, height = kind === "area" ? 780 : 1120;
    var canvas = exclusion.make("canvas", { width: width, height: height, role: "img", "aria-label": page.legend.title() });
    var box = kind === "area" ? exclusion.widened(geometry.box([area]), 2.2) : exclusion.widened(page.viewBox(), 1);
    if (kind === "plan" || kind === "try") { box = exclusion.widened(geometry.box(exclusion.all(page.model.count)), 1.04); }
    var scale = Math.min(width / (box[2] - box[0]), height / (box[3] - box[1]), 8);
    var left = Math.round((box[0] + box[2]) / 2 * scale - width / 2), top = Math.round((box[1] + box[3]) / 2 * scale - height / 2);
    var level = geometry.level(scale), context = canvas.getContext("2d"), image = context.createImageData(width, height);
    var ids = exclusion.raster.fill(geometry, level, left, top, width, height, new Uint16Array(width * height));
    exclusion.raster.colour(ids, image, page.paint, left, top, 2);
    context.putImageData(image, 0, 0);
    var zoom = geometry.zoom + Math.log2(scale);
    exclusion.raster.strokes(geometry, level, context, left, top, width, height, exclusion.lineKinds(page.paint, zoom), exclusion.linesAt(zoom), 2);
    this._lines(context, page.lines[0], scale, left, top, exclusion.BEHIND.outlines);
    if (page.model.state.layers.roads) {
      this._lines(context, page.lines[1], scale, left, top, exclusion.BEHIND.casing);
      this._lines(context, page.lines[1], scale, left, top, exclusion.BEHIND.roads);
    }
    if (area >= 0) { this._outline(context, geometry.rings(area), scale, left, top); }
    var inside = page.marks.venues.filter(function (venue) {
      var x = venue.x * scale - left, y = venue.y * scale - top;
      return x >= 0 && x <= width && y >= 0 && y <= height;
    });
    var crowding = page.marks.crowdingOf(inside, width * height / 4);
    var marks = inside.map(function (venue) { return [page.marks.markOf(venue, crowding, kind === "plan"), venue]; });
    this.kinds = exclusion.MARKS.filter(function (mark) { return marks.some(function (entry) { return entry[0] === mark; }); });
    if (page.roads && page.model.state.layers.roads) { this.kinds.push("roads"); }
    ["candidate", "existing", "plan", "trial"].forEach(function (mark) {
      marks.forEach(function (entry) {
        var venue = entry[1];
        if (entry[0] === mark) {
          exclusion.drawMark(context, mark, venue.x * scale - left, venue.y * scale - top, page.marks.planNumber(venue), page.marks.isOver(venue));
        }
      });
    });
    if (page.model.state.layers.names) { this._names(context, scale, left, top, width, height); }
    this._scale(context, page.kmPerPixel((box[1] + box[3]) / 2) / scale, height);
    return canvas;
  }

  _lines(context, lines, scale, left, top, style) {
    context.save();
    context.beginPath();
    lines.forEach(function (points) {
      points.forEach(function (point, at) { context[at ? "lineTo" : "moveTo"](point[0] * scale - left, point[1] * scale - top); });
    });
    context.strokeStyle = style.color;
    context.globalAlpha = style.opacity || 1;
    context.lineWidth = 2 * style.weight;
    context.stroke();
    context.restore();
  }

  _names(context, scale, left, top, width, height) {
    var shown = exclusion.freeNames(this.page.facts.placeNames, function (place) {
      return { x: place[2] * scale - left, y: place[3] * scale - top };
    }, { x: width, y: height }, 2, [], []);
    context.textAlign = "center";
    context.lineJoin = "round";
    shown.forEach(function (entry) {
      context.font = (entry.place[1] < 3 ? "bold 24px" : entry.place[1] > 4 ? "italic 22px" : "22px") + " Arial, sans-serif";
      context.lineWidth = 6;
      context.strokeStyle = "rgba(255, 255, 255, 0.9)";
      context.strokeText(entry.place[0], entry.x, entry.y - 18);
      context.fillStyle = entry.place[1] > 4 ? "#4a545b" : "#12181c";
      context.fillText(entry.place[0], entry.x, entry.y - 18);
    });
  }

  // A scale bar of a round length, about a fifth of the map wide.
  _scale(context, kmPerPixel, height) {
    var wanted = 200 * kmPerPixel, power = Math.pow(10, Math.floor(Math.log10(wanted)));
    var km = [5, 2, 1].map(function (step) { return step * power; }).find(function (step) { return step <= wanted; }) || power;
    var length = km / kmPerPixel, text = km >= 1 ? km + " km" : Math.round(km * 1000) + " m";
    context.fillStyle = "rgba(255, 255, 255, 0.85)";
    context.fillRect(16, height - 60, length + 24, 46);
    context.fillStyle = "#12181c";
    context.fillRect(28, height - 28, length, 4);
    context.font = "22px Arial, sans-serif";
    context.textAlign = "left";
    context.fillText(text, 28, height - 36);
  }

  _outline(context, rings, scale, left, top) {
    [["#ffffff", 9], ["#000000", 5]].forEach(function (stroke) {
      context.beginPath();
      rings.forEach(function (ring) {
        ring.forEach(function (point, at) {
          context[at ? "lineTo" : "moveTo"](point[0] * scale - left, point[1] * scale - top);
        });
        context.closePath();
      });
      context.strokeStyle = stroke[0];
      context.lineWidth = stroke[1];
      context.stroke();
    });
  }
};

exclusion.all = function (count) { return Array.from({ length: count }, function (_, at) { return at; }); };

exclusion.widened = function (box, factor) {
  var x = (box[2] - box[0]) * (factor - 1) / 2, y = (box[3] - box[1]) * (factor - 1) / 2;
  return [box[0] - x, box[1] - y, box[2] + x, box[3] + y];
};

// A venue's mark on the printed canvas: shapes differ, not only colours.
exclusion.drawMark = function (context, kind, x, y, number, isOver) {
  context.save();
  context.translate(x, y);
  context.lineWidth = 3;
  context.strokeStyle = "#ffffff";
  context.fillStyle = { existing: "#1d1d1d", candidate: "#ffffff", plan: "#7a0c5e", trial: "#b3261e" }[kind];
  if (kind === "candidate") { context.strokeStyle = "#1d1d1d"; }
  context.beginPath();
  if (kind === "existing") { var half = isOver ? 6 : 9; context.rect(-half, -half, 2 * half, 2 * half); }
  else if (kind === "trial") { context.moveTo(0, -15); context.lineTo(14, 11); context.lineTo(-14, 11); context.closePath(); }
  else { context.arc(0, 0, kind === "plan" ? 15 : 8, 0, 2 * Math.PI); }
  context.fill();
  context.stroke();
  if (kind === "plan") {
    context.fillStyle = "#ffffff";
    context.font = "bold 19px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(number), 0, 1);
  }
  context.restore();
};
