// Controls on the map (move, zoom, scale) and the panel of switches.
L.Control.ExclusionMove = L.Control.extend({
  onAdd: function (map) {
    var box = exclusion.make("div", { "class": "move", role: "group" });
    this.box = box;
    L.Control.ExclusionMove.all.push(this);
    L.DomEvent.disableClickPropagation(box);
    return box;
  },

  // Named and wired once the words are unpacked.
  fill: function (map, words, fit, say) {
    var box = this.box;
    box.setAttribute("aria-label", words("page.map_moves"));
    function button(name, sign, act) {
      box.appendChild(exclusion.make("button", {
        type: "button", "class": "move-" + name, "aria-label": words("map." + name), title: words("map." + name), text: sign,
        on: { click: act }
      }));
    }
    function pan(x, y) {
      return function () { map.panBy([x, y], { animate: false }); say(words("map.moved")); };
    }
    function zoom(step) {
      return function () { map.setZoom(map.getZoom() + step, { animate: false }); say(words("map.zoomed", { zoom: map.getZoom() })); };
    }
    button("pan_up", "\u2191", pan(0, -120));
    button("pan_left", "\u2190", pan(-120, 0));
    button("home", "\u2302", function () { fit(); say(words("map.moved")); });
    button("pan_right", "\u2192", pan(120, 0));
    button("pan_down", "\u2193", pan(0, 120));
    button("zoom_in", "+", zoom(1));
    button("zoom_out", "\u2212", zoom(-1));
  }
});

L.Control.ExclusionMove.all = [];

L.Control.ExclusionScale = L.Control.Scale.extend({ options: { imperial: true, metric: true, maxWidth: 120 } });

exclusion.Switches = class {
  constructor(model) {
    this.model = model;
    this._measures();
    this._wire();
  }

  _measures() {
    var model = this.model, select = exclusion.byId("measure"), groups = new Map();
    model.shown.forEach(function (measure) {
      if (!groups.has(measure.group)) {
        var group = exclusion.make("optgroup", { label: model.words("show." + measure.group) });
        groups.set(measure.group, group);
        select.appendChild(group);
      }
      groups.get(measure.group).appendChild(exclusion.make("option", { value: measure.key, text: measure.label }));
    });
  }

  _wire() {
    var model = this.model, count = model.count;
    function on(id, type, act) {
      var element = exclusion.byId(id);
      if (element) { element.addEventListener(type, function () { act(element); }); }
    }
    on("measure", "change", function (e) {
      model.set({ measure: e.value, two: false });
      model.said(model.words("map.changed", { label: model.current().label }));
    });
    on("two", "change", function (e) {
      model.set({ two: e.checked });
      model.said(model.words(e.checked ? "map.two_on" : "map.two_off"));
    });
    on("patterns", "change", function (e) { model.set({ patterns: e.checked }); });
    on("classes-from", "change", function (e) { model.set({ classes: e.value }); });
    on("rural", "change", function (e) { model.set({ rural: e.value }); });
    on("covered", "change", function (e) { model.set({ covered: e.checked }); });
    on("top-slider", "input", function (e) { model.set({ top: Number(e.value) }); });
    on("top-number", "change", function (e) {
      model.set({ top: Math.min(count, Math.max(1, Math.round(Number(e.value)) || count)) });
      e.value = model.state.top;
    });
    on("reset", "click", function () {
      model.set({ top: count, rural: "all", two: false, patterns: false, classes: "nation", covered: false, surface: "" });
    });
    ["existing", "candidates", "plan", "names", "roads"].forEach(function (name) {
      on("layer-" + name, "change", function (e) {
        model.set({ layers: Object.assign({}, model.state.layers, { [name]: e.checked }) });
      });
    });
    on("surface", "change", function (e) {
      model.set({ surface: e.value });
      model.said(e.value ? model.words("surface.shown", { title: model.words("surface.title_" + e.value) }) : model.words("surface.hidden"));
    });
    on("appearance", "change", function (e) {
      if (e.value === "auto") { delete document.documentElement.dataset.appearance; }
      else { document.documentElement.dataset.appearance = e.value; }
    });
  }

  // Show the state in the controls (after a link was opened, or a reset).
  draw(shownCount) {
    var model = this.model, state = model.state, measure = model.current();
    function put(id, property, value) {
      var element = exclusion.byId(id);
      if (element && element[property] !== value) { element[property] = value; }
    }
    put("measure", "value", state.measure);
    put("two", "checked", state.two);
    put("patterns", "checked", state.patterns);
    put("classes-from", "value", state.classes);
    put("rural", "value", state.rural);
    put("covered", "checked", state.covered);
    put("surface", "value", state.surface);
    put("top-slider", "value", String(state.top));
    if (document.activeElement !== exclusion.byId("top-number")) { put("top-number", "value", String(state.top)); }
    var isKind = measure.categories.length > 0;
    put("top-slider", "disabled", isKind);
    put("top-number", "disabled", isKind);
    exclusion.write(exclusion.byId("measure-note"), measure.note);
    Object.keys(state.layers).forEach(function (name) { put("layer-" + name, "checked", state.layers[name]); });
    put("top-text", "textContent", shownCount === model.count
      ? model.words("show.top_all", { n: exclusion.countText(model.count) })
      : model.words("show.top_some", { n: exclusion.countText(shownCount), all: exclusion.countText(model.count) }));
  }
};
