// Minutes to help on the ground: a picture laid over the areas, unpacked when it is first asked for.
exclusion.SurfaceView = class {
  constructor(model, map, load) {
    this.model = model; this.map = map; this.load = load;
    this.addresses = new Map();
    this.layer = null;
    this.wanted = "";
  }

  async draw() {
    var facts = this.model.facts.surfaces, key = this.model.state.surface, words = this.model.words;
    if (!facts || key === this.wanted) { return; }
    this.wanted = key;
    if (this.layer) { this.layer.remove(); this.layer = null; }
    if (!key) { return; }
    if (!this.addresses.has(key)) {
      var bytes = this.load.bytes("surface-" + key);
      this.addresses.set(key, bytes.then(function (png) { return URL.createObjectURL(new Blob([png], { type: "image/png" })); }));
    }
    var address = await this.addresses.get(key);
    if (this.wanted !== key) { return; }
    this.layer = L.imageOverlay(address, facts.bounds[key], {
      alt: words("surface.title_" + key), className: "surface", interactive: false
    }).addTo(this.map);
    this.layer.bringToBack();
  }

  // The key to the picture's colours: lowest first, as the way grows longer.
  static legend(model) {
    var facts = model.facts.surfaces, breaks = facts.breaks;
    var box = exclusion.make("div", { "class": "surface-key" });
    var list = exclusion.make("ul", { "class": "classes" });
    facts.colours.forEach(function (colour, at) {
      var text = at === 0 ? model.words("legend.below", { high: breaks[0] })
        : at === breaks.length ? model.words("legend.above", { low: breaks[at - 1] })
          : model.words("legend.between", { low: breaks[at - 1], high: breaks[at] });
      var swatch = exclusion.make("span", { "class": "swatch", "aria-hidden": "true" });
      swatch.style.backgroundColor = colour;
      list.appendChild(exclusion.make("li", {}, [swatch, exclusion.make("span", { text: text + " " + model.words("unit.min") })]));
    });
    box.appendChild(list);
    return box;
  }
};
