// Finding a place: one box for areas, wards, neighbourhoods, councils, places and postcodes (the combobox pattern).
exclusion.Search = class {
  constructor(model, geometry, go) {
    this.model = model;
    this.geometry = geometry;
    this.go = go;
    this.input = exclusion.byId("find-text");
    this.list = exclusion.byId("find-list");
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
    facts.placeNames.forEach(function (place) {
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
    var self = this, model = this.model, all = this.find(text), most = 12;
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
    if (isAsked) {
      model.said(!all.length ? model.words("find.count_none", { text: text.trim() })
        : all.length === 1 ? model.words("find.count_one")
          : all.length > most ? model.words("find.count_more", { n: most, all: exclusion.countText(all.length) })
            : model.words("find.count_many", { n: all.length }));
    }
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

// Lower case without accents, so that "Caerffili" and "Ynys Mon" are found however they are typed.
exclusion.folded = function (text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
};
