// Filling a rectangle of pixels with area numbers, once; colouring it through a table, as often as wished.
exclusion.raster = (function () {
  "use strict";
  var MOST = 64;

  // Write area + 1 into ids (width x height) for the window whose top left corner is (left, top) in the level's pixels.
  // Each pixel belongs to the area that holds its centre; an edge gives the same crossing from both sides.
  function fill(geometry, level, left, top, width, height, ids) {
    var most = MOST, counts = new Int32Array(height), crossings = new Float64Array(height * most);
    var boxes = geometry.areaBox, scale = level.scale, x = level.x, y = level.y;

    function edge(xa, ya, xb, yb) {
      if (ya > yb) { var t = xa; xa = xb; xb = t; t = ya; ya = yb; yb = t; }
      var row = Math.ceil(ya - 0.5), last = Math.ceil(yb - 0.5);
      if (row < 0) { row = 0; }
      if (last > height) { last = height; }
      if (row >= last) { return; }
      var slope = (xb - xa) / (yb - ya);
      for (; row < last; row++) {
        if (counts[row] === most) { grow(); }
        crossings[row * most + counts[row]++] = xa + (row + 0.5 - ya) * slope;
      }
    }

    function grow() {
      var wider = new Float64Array(height * most * 2);
      for (var row = 0; row < height; row++) {
        for (var i = 0; i < counts[row]; i++) { wider[row * most * 2 + i] = crossings[row * most + i]; }
      }
      crossings = wider; most *= 2;
    }

    function spans(area, first, last) {
      for (var row = first; row < last; row++) {
        var count = counts[row], base = row * most;
        if (!count) { continue; }
        counts[row] = 0;
        for (var i = 1; i < count; i++) {
          var value = crossings[base + i], j = i - 1;
          while (j >= 0 && crossings[base + j] > value) { crossings[base + j + 1] = crossings[base + j]; j--; }
          crossings[base + j + 1] = value;
        }
        for (i = 0; i + 1 < count; i += 2) {
          var from = Math.ceil(crossings[base + i] - 0.5), to = Math.ceil(crossings[base + i + 1] - 0.5);
          if (from < 0) { from = 0; }
          if (to > width) { to = width; }
          if (from < to) { ids.fill(area + 1, row * width + from, row * width + to); }
        }
      }
    }

    for (var area = 0; area < geometry.areaCount; area++) {
      var o = area * 4;
      if (boxes[o + 2] * scale < left || boxes[o] * scale > left + width) { continue; }
      if (boxes[o + 3] * scale < top || boxes[o + 1] * scale > top + height) { continue; }
      var end = geometry.refStart[geometry.ringStart[area + 1]];
      for (var ref = geometry.refStart[geometry.ringStart[area]]; ref < end; ref++) {
        var code = geometry.refs[ref], arc = code < 0 ? ~code : code;
        for (var at = level.start[arc] + 1; at < level.start[arc + 1]; at++) {
          edge(x[at - 1] - left, y[at - 1] - top, x[at] - left, y[at] - top);
        }
      }
      spans(area, Math.max(0, Math.floor(boxes[o + 1] * scale - top) - 1), Math.min(height, Math.ceil(boxes[o + 3] * scale - top) + 2));
    }
    return ids;
  }

  // Patterns are drawn per pixel so that they need no second pass over shapes: 1 rising stripes, 2 dots, 3 wide
  // falling stripes (reach), 4 thin falling stripes. `x` and `y` run on across tiles.
  function isMarked(pattern, x, y, size) {
    switch (pattern) {
      case 1: return ((x + y) % (6 * size)) < size;
      case 2: return (x % (5 * size)) < 1.5 * size && (y % (5 * size)) < 1.5 * size;
      case 3: return (((x - y) % (10 * size)) + 10 * size) % (10 * size) < 2 * size;
      case 4: return (((x - y) % (6 * size)) + 6 * size) % (6 * size) < size;
      default: return false;
    }
  }

  // Colour a filled window into an image: `paint.colour`, `paint.pattern` and `paint.ink` have one entry an area,
  // behind entry 0 for "no area".
  function colour(ids, image, paint, left, top, size) {
    var pixels = new Uint32Array(image.data.buffer), width = image.width, count = ids.length;
    var table = paint.colour, patterns = paint.pattern, inks = paint.ink;
    if (!paint.hasPattern) {
      for (var at = 0; at < count; at++) { pixels[at] = table[ids[at]]; }
      return;
    }
    for (var i = 0; i < count; i++) {
      var id = ids[i], pattern = patterns[id];
      pixels[i] = pattern && isMarked(pattern, left + i % width, top + ((i / width) | 0), size) ? inks[id] : table[id];
    }
  }

  // Stroke the arcs that cross a window: `kindOf(arc)` gives 0 (not drawn), 1 (area line), 2 (council line), 3 (coast).
  function strokes(geometry, level, context, left, top, width, height, kindOf, styles, size) {
    var boxes = geometry.arcBox, scale = level.scale, margin = 3;
    for (var kind = 1; kind < 4; kind++) {
      context.beginPath();
      for (var arc = 0; arc < geometry.arcCount; arc++) {
        if (kindOf(arc) !== kind) { continue; }
        var o = arc * 4;
        if (boxes[o + 2] * scale < left - margin || boxes[o] * scale > left + width + margin) { continue; }
        if (boxes[o + 3] * scale < top - margin || boxes[o + 1] * scale > top + height + margin) { continue; }
        var at = level.start[arc];
        context.moveTo(level.x[at] - left, level.y[at] - top);
        for (at++; at < level.start[arc + 1]; at++) { context.lineTo(level.x[at] - left, level.y[at] - top); }
      }
      context.lineJoin = "round";
      styles[kind].forEach(function (style) {
        context.strokeStyle = style.colour;
        context.lineWidth = style.width * size;
        context.stroke();
      });
    }
  }

  return { fill: fill, colour: colour, strokes: strokes, isMarked: isMarked };
})();
