// What leaves the page: a CSV of what is shown, and a link that holds the whole state.
exclusion.csv = (function () {
  "use strict";
  // A cell that a spreadsheet would run as a formula is led by an apostrophe (OWASP's advice on CSV injection);
  // a plain number, also a negative one, is left as it is.
  function cell(value) {
    var text = String(value);
    if (/^\s*[=+\-@\t\r|%]/.test(text) && !/^-?[0-9]+(\.[0-9]+)?$/.test(text)) { text = "'" + text; }
    return /[",\r\n]|^\s|\s$/.test(text) ? "\"" + text.replace(/"/g, "\"\"") + "\"" : text;
  }

  // Every measure of the areas shown, in the table's order; the first rows say what the file is.
  function build(model, areas, title) {
    var facts = model.facts, measures = facts.columns.filter(function (measure) { return measure.label || /_contribution$/.test(measure.key); });
    var rows = [[title], [facts.edition + ", " + facts.date]];
    if (facts.notice) { rows.unshift([facts.notice]); }
    rows.push(["lsoa21cd", "lsoa21nm"].concat(measures.map(function (measure) { return measure.key; }), facts.reasons ? ["reason"] : []));
    areas.forEach(function (area) {
      rows.push([facts.codes[area], facts.names[area]].concat(measures.map(function (measure) {
        var text = model.text(measure.key, area);
        return measure.categories.length ? text : text.replace(/,/g, "");
      }), facts.reasons ? [facts.reasons[area]] : []));
    });
    return "\ufeff" + rows.map(function (row) { return row.map(cell).join(","); }).join("\r\n") + "\r\n";
  }

  function save(name, text) {
    var link = document.createElement("a"), address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.href = address;
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(address); }, 1000);
  }

  return { cell: cell, build: build, save: save };
})();

exclusion.link = (function () {
  "use strict";
  // The state as a URL fragment; what stands at its default is left out.
  function write(model, map, home) {
    var state = model.state, parts = new URLSearchParams(), facts = model.facts;
    if (model.shown.length && state.measure !== model.shown[0].key) { parts.set("m", state.measure); }
    if (state.two) { parts.set("two", "1"); }
    if (state.patterns) { parts.set("pat", "1"); }
    if (state.classes !== "nation") { parts.set("cls", state.classes); }
    if (state.top !== model.count) { parts.set("top", state.top); }
    if (state.rural !== "all") { parts.set("rural", state.rural); }
    if (state.area >= 0) { parts.set("a", facts.codes[state.area]); }
    if (state.covered) { parts.set("reach", "1"); }
    if (state.surface) { parts.set("ground", state.surface); }
    if (facts.reach && state.minutes !== (facts.planMinutes || 20)) { parts.set("t", state.minutes); }
    ["x", "y"].forEach(function (name, at) { state.tries[at].forEach(function (id) { parts.append(name, id); }); });
    if (state.trial) { parts.set("try", "b"); }
    if (state.layers.candidates) { parts.set("cand", "1"); }
    ["existing", "plan", "names", "roads"].forEach(function (name) { if (!state.layers[name]) { parts.append("hide", name); } });
    var centre = map.getCenter(), view = [centre.lat.toFixed(4), centre.lng.toFixed(4), map.getZoom().toFixed(2)].join(",");
    if (view !== home) { parts.set("v", view); }
    return parts.toString();
  }

  // The state from a fragment; whatever does not fit this page is passed over.
  function read(model, map, text, hasVenue) {
    var parts = new URLSearchParams(text.replace(/^#/, "")), state = {}, count = model.count;
    var measure = model.measures.get(parts.get("m") || "");
    if (measure && measure.isShown) { state.measure = measure.key; }
    state.two = parts.get("two") === "1" && model.has("exclusion_score") && model.has("help_min");
    state.patterns = parts.get("pat") === "1";
    state.classes = parts.get("cls") === "page" ? "page" : "nation";
    var top = Number(parts.get("top"));
    state.top = top >= 1 && top <= count ? Math.round(top) : count;
    state.rural = ["rural", "urban"].indexOf(parts.get("rural")) >= 0 && model.columns.is_rural ? parts.get("rural") : "all";
    if (model.placeOf.has(parts.get("a"))) { state.area = model.placeOf.get(parts.get("a")); }
    state.covered = parts.get("reach") === "1";
    var ground = parts.get("ground") || "";
    state.surface = model.facts.surfaces && Object.prototype.hasOwnProperty.call(model.facts.surfaces.bounds, ground) ? ground : "";
    var minutes = Number(parts.get("t"));
    if (model.facts.reach && minutes >= 1 && minutes <= model.facts.reach.limit) { state.minutes = Math.round(minutes); }
    state.tries = ["x", "y"].map(function (name) { return Array.from(new Set(parts.getAll(name))).filter(hasVenue); });
    state.trial = parts.get("try") === "b" ? 1 : 0;
    var hidden = parts.getAll("hide");
    state.layers = {
      existing: hidden.indexOf("existing") < 0, candidates: parts.get("cand") === "1",
      plan: hidden.indexOf("plan") < 0, names: hidden.indexOf("names") < 0, roads: hidden.indexOf("roads") < 0
    };
    var view = (parts.get("v") || "").split(",").map(Number);
    if (view.length === 3 && view.every(isFinite) && Math.abs(view[0]) <= 85 && Math.abs(view[1]) <= 180 && view[2] >= 0 && view[2] <= 20) {
      map.setView([view[0], view[1]], view[2], { animate: false });
      state.hasView = true;
    }
    return state;
  }

  return { write: write, read: read };
})();
