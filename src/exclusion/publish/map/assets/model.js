// The page's one state and what follows from it: values, classes, who is shown. Views listen and redraw.
exclusion.PALETTE = ["#cde594", "#80c6a3", "#1f9eb7", "#186290", "#080c54"];
// Two variables: rows are the exclusion index (low to high), columns time to help (near to far); blue, gold, black.
exclusion.TWO = [["#f3f3f3", "#f3e6b3", "#f3b300"], ["#b4d3e1", "#b3b3b3", "#b36600"], ["#509dc2", "#376387", "#000000"]];
exclusion.KINDS = ["#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00"];
exclusion.MISSING = "#d5d5d5";
exclusion.PAPER = "#f4f4f0";

exclusion.Model = class {
  constructor(facts, columns) {
    var self = this, english = new Set(facts.english);
    this.facts = facts;
    this.columns = columns;
    this.count = facts.codes.length;
    this.measures = new Map(facts.columns.map(function (measure) { return [measure.key, measure]; }));
    this.shown = facts.columns.filter(function (measure) { return measure.isShown; });
    this.placeOf = new Map(facts.codes.map(function (code, at) { return [code, at]; }));
    this.notRanked = new Set(facts.notRanked || []);
    this.gaps = this._gaps(facts.gaps);
    this.state = {
      measure: this.shown.length ? this.shown[0].key : "", two: false, patterns: false,
      classes: "nation", top: this.count, rural: "all", area: -1,
      layers: { existing: true, candidates: false, plan: true, names: true, roads: true }, covered: false, surface: "",
      minutes: facts.planMinutes || 20, tries: [[], []], trial: 0, sort: "", up: true
    };
    this.listeners = [];
    this._orders = new Map();
    this.words = function (key, values) {
      var text = facts.words[key];
      if (text === undefined) { throw new Error("no words for " + key); }
      Object.keys(values || {}).forEach(function (name) { text = text.split("{" + name + "}").join(values[name]); });
      if (english.has(key)) { exclusion.english.add(text); }
      return text;
    };
    // On a page that is not in English, texts that come from data are, and elements that show them say so.
    if (facts.language !== "en-GB") {
      facts.domains.forEach(function (domain) { exclusion.english.add(domain.label); });
      facts.columns.forEach(function (measure) {
        if (["ruc21nm", "needs_type", "action"].indexOf(measure.key) >= 0) { measure.categories.forEach(exclusion.english.add, exclusion.english); }
      });
      (facts.reasons || []).concat(facts.credits, facts.notice || [], facts.englishTexts).forEach(exclusion.english.add, exclusion.english);
    }
    this.said = function () {};
    this._self = self;
  }

  // Why a figure is missing or a stand-in, by column: a set of areas, or "all".
  _gaps(packed) {
    var gaps = [];
    Object.keys(packed || {}).forEach(function (column) {
      Object.keys(packed[column]).forEach(function (status) {
        var at = packed[column][status];
        gaps.push({ column: column, status: status, areas: at === "all" ? null : new Set(exclusion.summed(at.slice())) });
      });
    });
    return gaps;
  }

  listen(listener) { this.listeners.push(listener); }

  set(patch) {
    var self = this, changed = new Set();
    Object.keys(patch).forEach(function (key) {
      if (self.state[key] !== patch[key]) { self.state[key] = patch[key]; changed.add(key); }
    });
    if (changed.size) { this.listeners.forEach(function (listener) { listener(changed); }); }
  }

  has(key) { return this.measures.has(key); }

  isKnown(key, area) { return this.columns[key][area] !== this.measures.get(key).missing; }

  // A number as packed (scaled integer), null where it is not known.
  scaled(key, area) {
    var measure = this.measures.get(key), code = this.columns[key][area];
    return code === measure.missing ? null : code + measure.offset;
  }

  number(key, area) {
    var value = this.scaled(key, area);
    return value === null ? null : value / Math.pow(10, this.measures.get(key).decimals);
  }

  // The number or the category as the page prints it everywhere; "" where it is not known.
  text(key, area) {
    var measure = this.measures.get(key), code = this.columns[key][area];
    if (code === measure.missing) { return ""; }
    return measure.categories.length ? measure.categories[code] : exclusion.numberText(code + measure.offset, measure.decimals);
  }

  withUnit(key, area) {
    var text = this.text(key, area), unit = this.measures.get(key).unit;
    if (text === "") { return this.words("card.unknown"); }
    return unit === "%" ? text + "%" : unit ? text + " " + this.words("unit." + unit) : text;
  }

  limitText(measure, value) { return exclusion.numberText(value + measure.offset, measure.decimals); }

  // The limits between classes of a measure: as published, or fifths of the areas of this page.
  breaks(measure) {
    if (this.state.classes === "nation" || measure.classesFrom !== "nation") { return measure.breaks; }
    return this.parts(measure.key, 5);
  }

  parts(key, count) {
    var missing = this.measures.get(key).missing;
    var known = Array.from(this.columns[key]).filter(function (value) { return value !== missing; });
    known.sort(function (a, b) { return a - b; });
    var breaks = [];
    for (var part = 1; part < count && known.length; part++) {
      var value = known[Math.min(known.length - 1, Math.ceil(known.length * part / count))];
      if (value > known[0] && breaks.indexOf(value) < 0) { breaks.push(value); }
    }
    return breaks;
  }

  classOf(breaks, value) {
    var at = 0;
    while (at < breaks.length && value >= breaks[at]) { at++; }
    return at;
  }

  colours(classes) {
    var all = exclusion.PALETTE;
    if (classes === 1) { return [all[2]]; }
    return Array.from({ length: classes }, function (_, at) { return all[Math.round(at * (all.length - 1) / (classes - 1))]; });
  }

  // What residents call an area's neighbourhood beside its official name, as in the texts above the map.
  knownAs(area) {
    var name = this.facts.names[area], place = this.has("msoa_hcl_nm") ? this.text("msoa_hcl_nm", area) : "";
    return place ? place + " (" + name + ")" : name;
  }

  current() { return this.measures.get(this.state.measure); }

  // Areas in order of a measure, highest first, unknown last; equal values by code.
  order(key) {
    var found = this._orders.get(key);
    if (found) { return found; }
    var column = this.columns[key], missing = this.measures.get(key).missing;
    found = Uint32Array.from({ length: this.count }, function (_, at) { return at; });
    found.sort(function (a, b) {
      var x = column[a] === missing ? -1 : column[a], y = column[b] === missing ? -1 : column[b];
      return y - x || a - b;
    });
    this._orders.set(key, found);
    return found;
  }

  // Which areas the choices leave: 1 shown, 0 not.
  mask() {
    var state = this.state, mask = new Uint8Array(this.count).fill(1), self = this;
    if (state.rural !== "all" && this.columns.is_rural) {
      var wanted = state.rural === "rural" ? 1 : 0;
      for (var area = 0; area < this.count; area++) { if (this.columns.is_rural[area] !== wanted) { mask[area] = 0; } }
    }
    var measure = this.current();
    if (measure && !measure.categories.length && state.top < this.count) {
      var left = state.top;
      this.order(measure.key).forEach(function (area) {
        if (!mask[area]) { return; }
        if (left > 0 && self.isKnown(measure.key, area)) { left--; } else { mask[area] = 0; }
      });
    }
    return mask;
  }
};

exclusion.numberText = function (scaled, decimals) {
  var digits = String(Math.abs(scaled)).padStart(decimals + 1, "0");
  var whole = decimals ? digits.slice(0, -decimals) : digits, part = decimals ? "." + digits.slice(-decimals) : "";
  return (scaled < 0 ? "-" : "") + whole.replace(/\B(?=(\d{3})+$)/g, ",") + part;
};

// A count that the page itself adds up (people reached): rounded to whole people, with commas.
exclusion.countText = function (value) { return exclusion.numberText(Math.round(value), 0); };
