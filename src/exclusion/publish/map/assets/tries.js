// Trying venues: two tries to compare, undo, and what each adds to what is within reach today.
exclusion.Tries = class {
  constructor(model, reach, marks, geometry) {
    this.model = model;
    this.reach = reach;
    this.marks = marks;
    this.geometry = geometry;
    this.past = [];
    this.choices = marks.venues.filter(function (venue) { return !venue.isExisting && reach.hasVenue(venue.at); });
    this._fill();
    this._wire();
    var notes = [];
    if (model.facts.reach.engine) { notes.push(model.facts.reach.engine); }
    if (model.facts.reach.isAveraged) { notes.push(model.words("try.averaged")); }
    exclusion.byId("try-notes").replaceChildren.apply(exclusion.byId("try-notes"), notes.map(function (note) { return exclusion.make("p", { text: note }); }));
  }

  _fill() {
    var model = this.model, select = exclusion.byId("try-venue"), minutes = exclusion.byId("minutes"), limit = this.reach.limit;
    select.appendChild(exclusion.make("option", { value: "", text: model.words("try.pick_none") }));
    this.choices.slice().sort(function (a, b) { return a.name < b.name ? -1 : a.name > b.name ? 1 : a.at - b.at; }).forEach(function (venue) {
      select.appendChild(exclusion.make("option", { value: venue.id, text: venue.name + " (" + venue.kind + ")" }));
    });
    var steps = [5, 10, 15, 20, 25, 30, 40, 45, 50, 60].filter(function (step) { return step <= limit; });
    [limit, Math.ceil(model.state.minutes)].forEach(function (step) {
      if (step <= limit && steps.indexOf(step) < 0) { steps.push(step); }
    });
    steps.sort(function (a, b) { return a - b; });
    steps.forEach(function (step) {
      minutes.appendChild(exclusion.make("option", { value: String(step), text: model.words("card.help_time", { minutes: step }) }));
    });
    if (steps.indexOf(model.state.minutes) < 0) { model.state.minutes = steps[steps.length - 1]; }
  }

  _wire() {
    var self = this, model = this.model, byId = exclusion.byId;
    byId("minutes").addEventListener("change", function () { model.set({ minutes: Number(this.value) }); self.sayTotal("undone"); });
    byId("try-add").addEventListener("click", function () {
      if (byId("try-venue").value) { self.add(byId("try-venue").value); return; }
      byId("try-venue").focus();
      self.tell(model.words("try.pick_first"));
    });
    byId("try-best").addEventListener("click", function () {
      var best = self.best();
      if (best) { self.add(best.id); } else { self.tell(model.words("try.best_none", { minutes: model.state.minutes })); }
    });
    byId("try-undo").addEventListener("click", function () { self.undo(); });
    byId("try-clear").addEventListener("click", function () {
      self.put([]);
      self.tell(model.words("try.cleared", { try: model.words(model.state.trial ? "try.b" : "try.a") }));
    });
    ["try-a", "try-b"].forEach(function (id, at) {
      byId(id).addEventListener("change", function () { model.set({ trial: at }); });
    });
    var plan = byId("try-plan");
    if (plan) { plan.addEventListener("click", function () { self.put(self._known(model.facts.plan)); self.sayTotal("undone"); }); }
  }

  _known(ids) {
    var self = this;
    return ids.filter(function (id) { var at = self.marks.placeOf.get(id); return at !== undefined && self.reach.hasVenue(at); });
  }

  ids() { return this.model.state.tries[this.model.state.trial]; }

  places(ids) {
    var placeOf = this.marks.placeOf;
    return ids.map(function (id) { return placeOf.get(id); }).filter(function (at) { return at !== undefined; });
  }

  // Set the present try's venues, remembering what was there.
  put(ids) {
    var state = this.model.state, tries = state.tries.slice();
    this.past.push({ tries: state.tries, trial: state.trial });
    tries[state.trial] = ids;
    this.model.set({ tries: tries });
  }

  undo() {
    var before = this.past.pop();
    if (!before) { return; }
    this.model.set(before);
    this.sayTotal("undone");
    if (exclusion.byId("try-undo").disabled) { exclusion.byId("try-add").focus(); }
  }

  // What an action did stands beside the figures, and is read out.
  tell() {
    var texts = Array.from(arguments).filter(Boolean), text = texts.join(" ");
    if (texts.every(function (one) { return exclusion.english.has(one); })) { exclusion.english.add(text); }
    this.model.said(text);
    exclusion.write(exclusion.byId("try-told"), text);
  }

  sayTotal() {
    var model = this.model, result = this.result(this.ids());
    this.tell(model.words("try.total", { total: exclusion.countText(result.total), more: exclusion.countText(result.more), minutes: model.state.minutes }));
  }

  // Add a venue; `why` says, after what it adds, how far the venue lies from the point that was asked for.
  add(id, why) {
    var model = this.model, venue = this.marks.venues[this.marks.placeOf.get(id)];
    if (!venue) { return; }
    if (this.ids().indexOf(id) >= 0) { this.tell(model.words("try.is_in", { name: venue.name }), why); return; }
    var before = this.reach.within(this.places(this.ids()), model.state.minutes);
    var more = this.reach.gain(venue.at, before, model.state.minutes);
    this.put(this.ids().concat([id]));
    this.tell(model.words("try.added", {
      name: venue.name, more: exclusion.countText(more), minutes: model.state.minutes, total: exclusion.countText(this.result(this.ids()).total)
    }), why);
  }

  remove(id) {
    var model = this.model, venue = this.marks.venues[this.marks.placeOf.get(id)];
    this.put(this.ids().filter(function (other) { return other !== id; }));
    this.tell(model.words("try.removed", {
      name: venue.name, minutes: model.state.minutes, total: exclusion.countText(this.result(this.ids()).total)
    }));
    exclusion.byId("try-add").focus();
  }

  // The venue that would add most to the present try, null where none adds anyone.
  best() {
    var self = this, minutes = this.model.state.minutes, reached = this.reach.within(this.places(this.ids()), minutes), best = null, most = 0;
    this.choices.forEach(function (venue) {
      var gain = self.reach.gain(venue.at, reached, minutes);
      if (gain > most) { most = gain; best = venue; }
    });
    return best;
  }

  // The nearest choice to a point in packed pixels, with its distance in kilometres.
  nearest(x, y, kmPerPixel) {
    var best = null, least = Infinity;
    this.choices.forEach(function (venue) {
      var distance = Math.hypot(venue.x - x, venue.y - y);
      if (distance < least) { least = distance; best = venue; }
    });
    return best ? { venue: best, km: least * kmPerPixel } : null;
  }

  addNear(x, y, kmPerPixel) {
    var model = this.model, found = this.nearest(x, y, kmPerPixel);
    if (!found) { this.tell(model.words("try.nowhere")); return; }
    this.add(found.venue.id, model.words("try.snapped", { km: found.km.toFixed(1) }));
  }

  result(ids) {
    var minutes = this.model.state.minutes, reach = this.reach, model = this.model;
    var before = reach.within([], minutes), reached = reach.within(this.places(ids), minutes);
    var gains = reach.byArea(reached, before, model.count), rural = null;
    if (model.columns.is_rural) {
      rural = 0;
      gains.forEach(function (gain, area) { if (model.columns.is_rural[area] === 1) { rural += gain; } });
    }
    var out = reached.map(function (is) { return is ? 0 : 1; });
    return {
      now: reach.sum(before), total: reach.sum(reached), more: reach.sum(reached, before), out: reach.sum(out), gains: gains,
      left: reach.byArea(out, null, model.count), rural: rural, reached: reached
    };
  }

  draw() {
    var model = this.model, state = model.state, byId = exclusion.byId, ids = this.ids(), result = this.result(ids);
    byId("minutes").value = String(state.minutes);
    byId(state.trial ? "try-b" : "try-a").checked = true;
    byId("try-undo").disabled = !this.past.length;
    byId("try-clear").disabled = !ids.length;
    byId("try-result").replaceChildren(this._figures(result), this._areas("gain", result.gains, "+"), this._areas("left", result.left, ""));
    byId("try-list").replaceChildren(this._list(ids));
    byId("try-compare").replaceChildren(this._compare());
    byId("try-told").textContent = "";
    return result;
  }

  _figures(result) {
    var model = this.model, make = exclusion.make, list = make("dl", { "class": "figures" });
    [["now", result.now, ""], ["with", result.total, ""], ["more", result.more, "+"], ["out", result.out, ""]].forEach(function (row) {
      list.appendChild(make("div", { "class": row[0] === "more" ? "big" : null }, [
        make("dt", { text: model.words("try." + row[0]) }), make("dd", { text: (row[1] > 0 ? row[2] : "") + exclusion.countText(row[1]) })
      ]));
    });
    return list;
  }

  // The five areas with most people newly reached, or with most who are still out of reach.
  _areas(kind, people, sign) {
    var model = this.model, make = exclusion.make;
    var top = Array.from(people.keys()).filter(function (area) { return people[area] >= 0.5; });
    top.sort(function (a, b) { return people[b] - people[a] || a - b; });
    if (!top.length) { return make("div"); }
    return make("div", {}, [make("h3", { text: model.words("try.areas_" + kind) }), make("ol", {}, top.slice(0, 5).map(function (area) {
      return make("li", { text: model.knownAs(area) + ": " + sign + exclusion.countText(people[area]) });
    }))]);
  }

  _list(ids) {
    var self = this, model = this.model, make = exclusion.make;
    if (!ids.length) { return make("p", { "class": "quiet", text: model.words("try.none") }); }
    var reached = this.reach.within([], model.state.minutes);
    return make("div", {}, [make("h3", { text: model.words("try.venues") }), make("ol", { "class": "try-venues" }, ids.map(function (id) {
      var venue = self.marks.venues[self.marks.placeOf.get(id)], gain = self.reach.gain(venue.at, reached, model.state.minutes);
      self.reach.within([venue.at], model.state.minutes).forEach(function (is, at) { if (is) { reached[at] = 1; } });
      return make("li", {}, [
        make("span", { text: venue.name + " " }), make("span", { "class": "quiet", text: model.words("try.gain", { more: exclusion.countText(gain) }) + " " }),
        make("button", { type: "button", "class": "small", text: model.words("try.remove", { name: venue.name }), on: { click: function () { self.remove(id); } } })
      ]);
    }))]);
  }

  _compare() {
    var self = this, model = this.model, make = exclusion.make, tries = model.state.tries;
    if (!tries[0].length || !tries[1].length) { return make("div"); }
    var results = tries.map(function (ids) { return self.result(ids); });
    var rows = [
      ["try.venues", tries.map(function (ids) { return String(ids.length); })],
      ["try.with", results.map(function (result) { return exclusion.countText(result.total); })],
      ["try.more", results.map(function (result) { return "+" + exclusion.countText(result.more); })]
    ];
    if (results[0].rural !== null) { rows.push(["try.rural_share", results.map(function (result) { return exclusion.countText(result.rural); })]); }
    rows.push(["try.out", results.map(function (result) { return exclusion.countText(result.out); })]);
    return make("table", {}, [
      make("caption", { text: model.words("try.compare") }),
      make("thead", {}, [make("tr", {}, ["try.compare_measure", "try.a", "try.b"].map(function (key, at) {
        return make("th", { scope: "col", "class": at ? "num" : null, text: (at ? model.words("try.which") + " " : "") + model.words(key) });
      }))]),
      make("tbody", {}, rows.map(function (row) {
        return make("tr", {}, [make("th", { scope: "row", text: model.words(row[0]) })].concat(row[1].map(function (text) {
          return make("td", { "class": "num", text: text });
        })));
      }))
    ]);
  }
};
