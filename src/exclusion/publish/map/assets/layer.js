// The layer that Folium's AreaLayer names: paints area numbers into tiles once, and colours them through a table.
exclusion.rgba = function (hex) {
  var value = parseInt(hex.slice(1), 16);
  return (255 << 24 | (value & 255) << 16 | (value >> 8 & 255) << 8 | value >> 16) >>> 0;
};

exclusion.mixed = function (hex, other, share) {
  function part(shift) {
    var a = parseInt(hex.slice(1), 16) >> shift & 255, b = parseInt(other.slice(1), 16) >> shift & 255;
    return Math.round(a * (1 - share) + b * share);
  }
  return "#" + [16, 8, 0].map(function (shift) { return part(shift).toString(16).padStart(2, "0"); }).join("");
};

exclusion.TILE = 512;
// Strokes by kind of line, the wider first: a dark edge under a light line shows on the palest and the darkest class.
exclusion.LINES = {
  1: [{ colour: "rgba(18, 24, 28, 0.3)", width: 1.5 }, { colour: "rgba(255, 255, 255, 0.85)", width: 0.7 }],
  2: [{ colour: "rgba(255, 255, 255, 0.8)", width: 2.6 }, { colour: "#12181c", width: 1.2 }], 3: [{ colour: "#3d4a52", width: 1.1 }]
};
exclusion.FAR_LINES = { 1: [], 2: [{ colour: "rgba(18, 24, 28, 0.75)", width: 0.7 }], 3: [{ colour: "#3d4a52", width: 0.8 }] };

exclusion.linesAt = function (zoom) { return zoom < 8 ? exclusion.FAR_LINES : exclusion.LINES; };

exclusion.AreaGrid = L.GridLayer.extend({
  options: { tileSize: exclusion.TILE, updateWhenZooming: false, updateWhenIdle: false, keepBuffer: 1 },

  fillWith: function (geometry, paint) {
    this._geometry = geometry;
    this._paint = paint;
    this._waiting = new Map();
    if (this._map) { this.redraw(); }
    return this;
  },

  size: function () { return Math.min(2, Math.max(1, Math.round(window.devicePixelRatio || 1))); },

  createTile: function (coords) {
    var tile = document.createElement("div"), size = this.size(), side = exclusion.TILE * size;
    tile.className = "area-tile";
    if (!this._geometry) { return tile; }
    var ground = this._canvas(tile, side), lines = this._canvas(tile, side);
    var scale = Math.pow(2, coords.z - this._geometry.zoom) * size;
    var level = this._geometry.level(scale), left = coords.x * side, top = coords.y * side;
    tile.ids = exclusion.raster.fill(this._geometry, level, left, top, side, side, new Uint16Array(side * side));
    tile.left = left; tile.top = top; tile.pixel = size; tile.ground = ground;
    this._colour(tile);
    exclusion.raster.strokes(
      this._geometry, level, lines.getContext("2d"), left, top, side, side, exclusion.lineKinds(this._paint, coords.z),
      exclusion.linesAt(coords.z), size
    );
    return tile;
  },

  _canvas: function (tile, side) {
    var canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    canvas.style.cssText = "position:absolute;left:0;top:0;width:100%;height:100%";
    tile.appendChild(canvas);
    return canvas;
  },

  _colour: function (tile) {
    if (!tile.ids) { return; }
    var context = tile.ground.getContext("2d"), side = tile.ground.width;
    var image = tile.image || (tile.image = context.createImageData(side, side));
    exclusion.raster.colour(tile.ids, image, this._paint, tile.left, tile.top, tile.pixel);
    context.putImageData(image, 0, 0);
  },

  // Colour all tiles again with a new table; no shape is touched.
  recolour: function (paint) {
    this._paint = paint;
    Object.values(this._tiles).forEach(function (tile) { this._colour(tile.el); }, this);
  }
});

// Which lines are drawn: areas' own lines only where they are wide enough apart to be seen.
exclusion.lineKinds = function (paint, zoom) {
  var geometry = paint.geometry, groups = paint.groups, isFine = zoom >= paint.fineFrom;
  return function (arc) {
    if (geometry.right[arc] < 0) { return 3; }
    if (groups && groups[geometry.left[arc]] !== groups[geometry.right[arc]]) { return 2; }
    return isFine ? 1 : 0;
  };
};

// The table of colours for the present state: entry 0 is "no area", entry i + 1 area i.
exclusion.paintOf = function (model, geometry, scheme, mask, covered) {
  var count = model.count;
  var paint = {
    geometry: geometry, groups: model.columns.lad_nm || null, fineFrom: count > 3000 ? 9 : 0,
    colour: new Uint32Array(count + 1), ink: new Uint32Array(count + 1), pattern: new Uint8Array(count + 1), hasPattern: false
  };
  var table = scheme.swatches.map(function (swatch) {
    return {
      full: exclusion.rgba(swatch.colour), pale: exclusion.rgba(exclusion.mixed(swatch.colour, exclusion.PAPER, 0.86)),
      ink: exclusion.rgba(swatch.ink), pattern: swatch.pattern
    };
  });
  for (var area = 0; area < count; area++) {
    var entry = table[scheme.classes[area]];
    paint.colour[area + 1] = mask[area] ? entry.full : entry.pale;
    paint.ink[area + 1] = entry.ink;
    var pattern = mask[area] ? entry.pattern : 0;
    if (covered && covered[area] && mask[area]) { pattern = 3; paint.ink[area + 1] = exclusion.COVERED_INK; }
    paint.pattern[area + 1] = pattern;
    if (pattern) { paint.hasPattern = true; }
  }
  return paint;
};

exclusion.COVERED_INK = exclusion.rgba("#ffffff");

// Classes of all areas for the present state, with a swatch for each class; the last swatch is "not known".
exclusion.schemeOf = function (model) {
  var state = model.state, classes = new Uint8Array(model.count), swatches = [], counts, area;
  function swatch(colour, pattern) {
    swatches.push({ colour: colour, pattern: pattern || 0, ink: exclusion.isDark(colour) ? "#ffffff" : "#1d1d1d", count: 0 });
  }
  if (state.two) {
    var y = model.parts("exclusion_score", 3), x = model.parts("help_min", 3);
    exclusion.TWO.forEach(function (row) { row.forEach(function (colour, at) { swatch(colour, state.patterns ? [0, 2, 1][at] : 0); }); });
    swatch(exclusion.MISSING, 4);
    for (area = 0; area < model.count; area++) {
      var isKnown = model.isKnown("exclusion_score", area) && model.isKnown("help_min", area);
      classes[area] = isKnown
        ? 3 * model.classOf(y, model.columns.exclusion_score[area]) + model.classOf(x, model.columns.help_min[area]) : 9;
    }
  } else {
    var measure = model.current(), column = model.columns[measure.key];
    var breaks = measure.categories.length ? null : model.breaks(measure), last;
    if (breaks) {
      last = breaks.length + 1;
      model.colours(last).forEach(function (colour, at) {
        swatch(colour, state.patterns && at === last - 1 ? 1 : state.patterns && at === last - 2 && last > 2 ? 2 : 0);
      });
    } else {
      last = measure.categories.length;
      measure.categories.forEach(function (_, at) {
        swatch(exclusion.KINDS[at % exclusion.KINDS.length], at >= exclusion.KINDS.length ? 2 : state.patterns ? [0, 1, 2, 4][at % 4] : 0);
      });
    }
    swatch(exclusion.MISSING, 4);
    for (area = 0; area < model.count; area++) {
      var value = column[area];
      classes[area] = value === measure.missing ? last : breaks ? model.classOf(breaks, value) : value;
    }
  }
  for (area = 0; area < model.count; area++) { swatches[classes[area]].count++; }
  return { classes: classes, swatches: swatches };
};

exclusion.isDark = function (hex) {
  var value = parseInt(hex.slice(1), 16);
  return 0.299 * (value >> 16) + 0.587 * (value >> 8 & 255) + 0.114 * (value & 255) < 128;
};

// What Folium's AreaLayer renders: an empty layer at once; `exclusion.start` fills it.
exclusion.areaLayer = function (options) {
  return new exclusion.AreaGrid(options);
};
