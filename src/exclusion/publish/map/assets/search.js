// Finding a place: one box for areas, wards, neighbourhoods, councils, places and postcodes (the combobox pattern).
exclusion.Search = class {
  constructor(model, geometry, go) {
    this.model = model;
    this.geometry = geometry;
    this.go = go;
    this.input = exclusion.byId("find-text");
    this.list = exclusion.byId("find-list");
    this.told = exclusion.byId("find-told");
    this.found = [];
    this.at = -1;
    this.entries = this._entries();
    this.postcodes = null;
    this._wire();
  }

  // Everything that can be found, with the words it is found by in lower case.
  _entries() {
    var model = this.model, facts = model.facts, entries = [];
    function shared(key, kind) {
      if (!model.has(key)) { return; }
      var members = model.measures.get(key).categories.map(function () { return []; });
      var missing = model.measures.get(key).missing;
      model.columns[key].forEach(function (code, area) { if (code !== missing) { members[code].push(area); } });
      model.measures.get(key).categories.forEach(function (name, code) {
        entries.push({ kind: kind, name: name, words: exclusion.folded(name), areas: members[code] });
      });
    }
    if (facts.isNational) { shared("lad_nm", "council"); }
    shared("wd_nm", "ward");
    shared("msoa_hcl_nm", "msoa");
    // Councils round about are named on the map, but their areas are on other pages.
    facts.placeNames.filter(function (place) { return place[1] < 5; }).forEach(function (place) {
      entries.push({ kind: "place", name: place[0], words: exclusion.folded(place[0]), point: [place[2], place[3]] });
    });
    facts.names.forEach(function (name, area) {
      entries.push({ kind: "area", name: name, words: exclusion.folded(name + " " + facts.codes[area]), area: area });
    });
    return entries;
  }

  // Sectors, the two letters of each postcode in them, and areas by how lately they were met (written by places.py).
  readPostcodes(bytes) {
    if (!bytes) { return; }
    var reader = new exclusion.StreamReader(bytes), found = [], recent = [], sector = "", area = 0, at = 0;
    var endings = JSON.parse(new TextDecoder().decode(reader.next(Uint8Array)));
    var shared = reader.next(), counts = reader.next(), steps = reader.next(), codes = reader.next();
    endings.forEach(function (ending, one) {
      sector = sector.slice(0, shared[one]) + ending;
      for (var unit = 0, end = at + counts[one]; at < end; at++) {
        unit += steps[at];
        var code = codes[at] - 64;
        area = code < 0 ? recent.splice(code + 64, 1)[0] : area + ((code >>> 1) ^ -(code & 1));
        recent.unshift(area);
        if (recent.length > 64) { recent.pop(); }
        var name = sector + (unit ? String.fromCharCode(65 + Math.floor((unit - 1) / 26), 65 + (unit - 1) % 26) : "");
        found.push({ name: name, plain: name.replace(/ /g, ""), area: area });
      }
    });
    this.postcodes = found;
  }

  find(text) {
    var asked = exclusion.folded(text).trim();
    if (asked.length < 2) { return []; }
    var parts = asked.split(/\s+/), first = [], rest = [];
    this.entries.forEach(function (entry) {
      if (!parts.every(function (part) { return entry.words.indexOf(part) >= 0; })) { return; }
      (entry.words.startsWith(asked) ? first : rest).push(entry);
    });
    return this._postcodes(text).concat(first, rest);
  }

  // What was perhaps meant where nothing is called as asked: names with a word for each word asked, few letters apart.
  nearest(text) {
    var asked = exclusion.folded(text).trim();
    if (asked.length < 4 || /[0-9]/.test(asked)) { return []; }
    var parts = asked.split(/\s+/), found = [], seen = new Set();
    this.entries.forEach(function (entry) {
      if (seen.has(entry.name)) { return; }
      seen.add(entry.name);
      var words = entry.words.split(/[^a-z]+/), far = 0;
      parts.forEach(function (part) {
        var most = part.length < 4 ? 0 : part.length < 8 ? 1 : 2, least = Infinity;
        words.forEach(function (word) { least = Math.min(least, exclusion.lettersApart(part, word.slice(0, part.length + most), most)); });
        far += least;
      });
      if (far < Infinity) { found.push([far, entry]); }
    });
    return found.sort(function (one, other) { return one[0] - other[0]; }).map(function (pair) { return pair[1]; });
  }

  _postcodes(text) {
    var asked = text.toUpperCase().replace(/[^A-Z0-9]/g, ""), found = [];
    if (!this.postcodes || !/^[A-Z]{1,2}[0-9]/.test(asked) || asked.length < 3) { return found; }
    // A full postcode is found by its sector where only sectors are at hand.
    for (var i = 0; i < this.postcodes.length && found.length < 30; i++) {
      var plain = this.postcodes[i].plain;
      if (plain.startsWith(asked) || (this.model.facts.isNational && plain.length >= 4 && asked.length === plain.length + 2 && asked.startsWith(plain))) {
        found.push({ kind: "postcode", name: this.postcodes[i].name, area: this.postcodes[i].area });
      }
    }
    return found;
  }

  _wire() {
    var self = this, input = this.input;
    input.addEventListener("input", function () { self.show(input.value); });
    input.addEventListener("keydown", function (event) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (self.list.hidden) { self.show(input.value); }
        if (self.found.length) { self.mark((self.at + (event.key === "ArrowDown" ? 1 : -1) + self.found.length) % self.found.length); }
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (self.found.length) { self.choose(Math.max(0, self.at)); }
      } else if (event.key === "Escape") {
        if (self.list.hidden) { input.value = ""; }
        self.hide();
      }
    });
    input.addEventListener("blur", function () { setTimeout(function () { self.hide(); }, 150); });
  }

  show(text) {
    var self = this, model = this.model, exact = this.find(text), most = 12;
    var all = exact.length ? exact : this.nearest(text);
    this.found = all.slice(0, most);
    this.at = -1;
    this.list.replaceChildren();
    this.input.removeAttribute("aria-activedescendant");
    this.found.forEach(function (entry, at) {
      self.list.appendChild(exclusion.make("li", {
        role: "option", id: "find-" + at, "aria-selected": "false",
        on: { mousedown: function (event) { event.preventDefault(); self.choose(at); } }
      }, [exclusion.make("span", { text: entry.name }), exclusion.make("span", { "class": "quiet", text: self.kindText(entry) })]));
    });
    var isAsked = text.trim().length > 1;
    this.list.hidden = !this.found.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    var told = "";
    if (isAsked) {
      var values = { text: text.trim(), n: Math.min(most, all.length), all: exclusion.countText(all.length) };
      told = model.words(!all.length ? "find.count_none" : !exact.length ? "find.count_near" : all.length === 1 ? "find.count_one"
        : all.length > most ? "find.count_more" : "find.count_many", values);
      model.said(told);
    }
    // With results the list itself is seen; without, or with others than asked for, this line says so to everybody.
    exclusion.write(this.told, exact.length ? "" : told);
  }

  kindText(entry) {
    var text = this.model.words("find." + entry.kind);
    if (entry.kind === "area") { return text + " " + this.model.facts.codes[entry.area]; }
    if (entry.kind === "postcode") { return text + ", " + this.model.facts.names[entry.area]; }
    return entry.areas ? text + ", " + this.model.words("find.areas_in", { n: entry.areas.length }) : text;
  }

  mark(at) {
    var items = this.list.children;
    if (this.at >= 0) { items[this.at].setAttribute("aria-selected", "false"); }
    this.at = at;
    items[at].setAttribute("aria-selected", "true");
    items[at].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", "find-" + at);
  }

  choose(at) {
    var entry = this.found[at];
    this.input.value = entry.name;
    this.hide();
    this.go(entry);
  }

  hide() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
};

// Lower case without accents, apostrophes and hyphens, so that "Ynys Mon" and "Kings Lynn" are found however they are typed.
exclusion.folded = function (text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f'\u2018\u2019`.]/g, "").replace(/[-\u2010-\u2013]/g, " ").toLowerCase();
};

// How many letters one must be added, left out, replaced or swapped with the next to make one word of another, up to a
// limit; infinity beyond (Damerau-Levenshtein, optimal string alignment). Letters left over at the word's end cost nothing:
// whoever types is not done yet.
exclusion.lettersApart = function (asked, word, most) {
  var rows = [Array.from({ length: word.length + 1 }, function (_, at) { return at; })];
  for (var i = 1; i <= asked.length; i++) {
    var row = [i], before = rows[i - 1], least = i;
    for (var j = 1; j <= word.length; j++) {
      var cost = Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (asked[i - 1] === word[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && asked[i - 1] === word[j - 2] && asked[i - 2] === word[j - 1]) { cost = Math.min(cost, rows[i - 2][j - 2] + 1); }
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least > most) { return Infinity; }
    rows.push(row);
  }
  var end = Math.min.apply(null, rows[asked.length].slice(Math.max(0, asked.length - most)));
  return end <= most ? end : Infinity;
};
