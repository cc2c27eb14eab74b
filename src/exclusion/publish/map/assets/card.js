// The area card: what is known of one area, in words, with its interval, both ranks, and what is missing.
exclusion.Card = class {
  constructor(model, acts) {
    this.model = model;
    this.acts = acts;
    this.title = exclusion.byId("card-title");
    this.body = exclusion.byId("card-body");
  }

  draw() {
    var model = this.model, area = model.state.area;
    this.body.replaceChildren();
    if (area < 0) {
      this.title.textContent = model.words("card.heading");
      this.body.appendChild(exclusion.make("p", { text: model.words("card.none") }));
      return;
    }
    this.title.textContent = model.facts.names[area];
    this.parts(area).forEach(function (part) { this.body.appendChild(part); }, this);
    this.body.appendChild(this._buttons(area));
  }

  // The card's content without its buttons.
  parts(area) { return this.story(area).concat(this.basis(area)); }

  // What is known of the area and what would help; the printed brief has it beside the map.
  story(area) {
    var model = this.model, make = exclusion.make, parts = [];
    var where = ["msoa_hcl_nm", "wd_nm", "lad_nm"].map(function (key) { return this._text(key, area); }, this)
      .filter(function (name, at, all) { return name && all.indexOf(name) === at; }).concat(model.facts.codes[area]);
    parts.push(make("p", { "class": "quiet", text: where.join(", ") }));
    if (model.facts.notice) { parts.push(make("p", { "class": "demo-small", text: model.facts.notice })); }
    if (model.notRanked.has(area)) { parts.push(make("p", { text: model.words("card.not_ranked") })); }
    var reason = model.facts.reasons ? model.facts.reasons[area] : "";
    parts.push(make("h3", { text: model.words("card.why") }));
    parts.push(make("p", { "class": "reason", text: reason || model.words("card.no_reason") }));
    parts.push(this._facts(area));
    var certainty = model.facts.certainty ? model.facts.certainty.texts[model.facts.certainty.at[area]] : "";
    if (certainty) { parts.push(make("p", { "class": "quiet", text: certainty })); }
    var action = this._text("action", area);
    if (action) {
      parts.push(make("h3", { text: model.words("card.action") }));
      parts.push(make("p", { text: action }));
    }
    return parts;
  }

  // What the index is made of here and what is missing; the printed brief has it under the map.
  basis(area) {
    var model = this.model, make = exclusion.make;
    return [
      this._chart(area), make("h3", { text: model.words("card.gaps") }), this._gaps(area),
      make("p", { "class": "hint", text: model.words("card.caveat") })
    ].filter(Boolean);
  }

  _text(key, area) { return this.model.has(key) ? this.model.text(key, area) : ""; }

  _facts(area) {
    var model = this.model, make = exclusion.make, list = make("dl", { "class": "facts" }), self = this;
    function line(name, value, detail) {
      list.appendChild(make("div", {}, [make("dt", { text: name }), make("dd", {}, [
        make("strong", { text: value || model.words("card.unknown") }), detail ? make("span", { "class": "quiet", text: " " + detail }) : null
      ])]));
    }
    function interval(low, high) {
      var from = self._text(low, area), to = self._text(high, area);
      return from && to ? model.words("card.rank_interval", { low: from, high: to }) : "";
    }
    if (model.has("people_offline")) {
      line(model.words("card.people"), this._text("people_offline", area), interval("people_offline_low", "people_offline_high"));
    }
    if (model.has("offline_share_pct")) {
      var adults = this._text("adults", area), share = this._text("offline_share_pct", area);
      line(model.words("card.share"), share && share + "%", adults && model.words("card.of_adults", { adults: adults }));
    }
    ["exclusion_rank", "risk_rank"].forEach(function (key) {
      if (!model.has(key)) { return; }
      var rank = self._text(key, area);
      line(model.words("card." + key), rank && model.words("card.rank_of", { rank: rank, all: exclusion.countText(model.facts.ranked) }),
        interval(key + "_low", key + "_high"));
    });
    if (model.has("chance_worst_tenth_pct")) {
      var chance = this._text("chance_worst_tenth_pct", area);
      line(model.words("card.chance"), chance && chance + "%");
    }
    if (model.has("needs_type")) { line(model.words("card.needs"), this._text("needs_type", area)); }
    if (model.has("help_min")) {
      var minutes = this._text("help_min", area), car = this._text("help_car_min", area), other = this._text("help_other_min", area);
      var detail = [this._text("nearest_venue_nm", area), car && other ? model.words("card.help_modes", { car: car, other: other }) : ""];
      line(model.words("card.help"), minutes && model.words("card.help_time", { minutes: minutes }), detail.filter(Boolean).join(". "));
    }
    if (model.has("ruc21nm")) { line(model.words("card.rural"), this._text("ruc21nm", area)); }
    return list;
  }

  // Bars of what each part adds to the index; a list, so that it reads well without the bars.
  _chart(area) {
    var model = this.model, make = exclusion.make, rows = [];
    model.facts.domains.forEach(function (domain) {
      var key = domain.key + "_contribution";
      if (model.has(key) && model.isKnown(key, area)) { rows.push([domain.label, model.number(key, area), model.text(key, area)]); }
    });
    if (model.has("rural_contribution") && model.isKnown("rural_contribution", area)) {
      rows.push([model.words("card.rural_weight"), model.number("rural_contribution", area), model.text("rural_contribution", area)]);
    }
    if (!rows.length) { return null; }
    var most = Math.max.apply(null, rows.map(function (row) { return Math.abs(row[1]); })) || 1;
    var hasNegative = rows.some(function (row) { return row[1] < 0; });
    var list = make("ul", { "class": "bars" + (hasNegative ? " both" : "") });
    rows.forEach(function (row) {
      var bar = make("span", { "class": "bar" + (row[1] < 0 ? " negative" : ""), "aria-hidden": "true" });
      bar.style.setProperty("--length", (100 * Math.abs(row[1]) / most).toFixed(1) + "%");
      list.appendChild(make("li", {}, [
        make("span", { "class": "bar-name", text: row[0] }), make("span", { "class": "bar-room", "aria-hidden": "true" }, [bar]),
        make("span", { "class": "bar-value", text: (row[1] > 0 ? "+" : "") + row[2] })
      ]));
    });
    return make("div", {}, [
      make("h3", { text: model.words("card.contributions") }), make("p", { "class": "hint", text: model.words("card.contributions_hint") }), list
    ]);
  }

  _gaps(area) {
    var model = this.model, make = exclusion.make, list = make("ul", { "class": "gaps" }), said = new Set();
    model.gaps.forEach(function (gap) {
      if (gap.areas && !gap.areas.has(area)) { return; }
      var status = model.facts.words["status." + gap.status] || gap.status;
      var text = model.words("card.gap", { name: model.facts.gapNames[gap.column], status: status });
      if (said.has(text)) { return; }
      said.add(text);
      list.appendChild(make("li", { text: text }));
    });
    return list.children.length ? list : make("p", { text: model.words("card.no_gaps") });
  }

  _buttons(area) {
    var model = this.model, acts = this.acts, make = exclusion.make, row = make("p", { "class": "buttons" });
    function button(key, act) {
      row.appendChild(make("button", { type: "button", id: "card-" + key, text: model.words("card." + key), on: { click: act } }));
    }
    button("zoom", function () { acts.zoom(area); });
    if (acts.tryHere) { button("try_here", function () { acts.tryHere(area); }); }
    button("print", function () { acts.print(); });
    button("clear", function () { acts.clear(); });
    var council = this._text("lad_nm", area), code = (model.facts.councilOf || {})[council];
    if (code && model.facts.pages[code]) {
      row.appendChild(make("a", {
        href: model.facts.pages[code] + "#a=" + encodeURIComponent(model.facts.codes[area]),
        text: model.words("card.open_council", { council: council })
      }));
    }
    return row;
  }
};
