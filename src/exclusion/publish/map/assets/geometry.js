// Areas as rings of shared arcs in whole pixels of the packed zoom; levels of detail, bounding boxes, picking.
exclusion.Geometry = class {
  constructor(bytes, zoom) {
    var reader = new exclusion.StreamReader(bytes);
    var lengths = reader.next();
    var firstX = exclusion.summed(reader.signed()), firstY = exclusion.summed(reader.signed());
    var stepX = reader.signed(), stepY = reader.signed();
    this.zoom = zoom;
    this.ringStart = exclusion.starts(reader.next());
    this.refStart = exclusion.starts(reader.next());
    this.refs = reader.signed();
    this.arcStart = exclusion.starts(lengths);
    this.areaCount = this.ringStart.length - 1;
    this.arcCount = lengths.length;
    this._place(firstX, firstY, stepX, stepY);
    this._levels = new Map();
    this._findUses();
    this._findBoxes();
  }

  _place(firstX, firstY, stepX, stepY) {
    var starts = this.arcStart, total = starts[this.arcCount];
    var x = new Int32Array(total), y = new Int32Array(total), step = 0;
    for (var arc = 0; arc < this.arcCount; arc++) {
      var at = starts[arc], end = starts[arc + 1], px = firstX[arc], py = firstY[arc];
      x[at] = px; y[at] = py;
      for (at++; at < end; at++, step++) { px += stepX[step]; py += stepY[step]; x[at] = px; y[at] = py; }
    }
    this.x = x; this.y = y;
  }

  // The two areas on either side of each arc (-1: none), to tell coast and council lines from lines within.
  _findUses() {
    this.left = new Int32Array(this.arcCount).fill(-1);
    this.right = new Int32Array(this.arcCount).fill(-1);
    for (var area = 0; area < this.areaCount; area++) {
      var end = this.refStart[this.ringStart[area + 1]];
      for (var ref = this.refStart[this.ringStart[area]]; ref < end; ref++) {
        var code = this.refs[ref], arc = code < 0 ? ~code : code;
        if (this.left[arc] < 0) { this.left[arc] = area; } else { this.right[arc] = area; }
      }
    }
  }

  _findBoxes() {
    var arcBox = new Int32Array(this.arcCount * 4), areaBox = new Int32Array(this.areaCount * 4);
    for (var arc = 0; arc < this.arcCount; arc++) {
      var west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
      for (var at = this.arcStart[arc]; at < this.arcStart[arc + 1]; at++) {
        var px = this.x[at], py = this.y[at];
        if (px < west) { west = px; } if (px > east) { east = px; }
        if (py < north) { north = py; } if (py > south) { south = py; }
      }
      arcBox.set([west, north, east, south], arc * 4);
    }
    for (var area = 0; area < this.areaCount; area++) {
      var box = [Infinity, Infinity, -Infinity, -Infinity], end = this.refStart[this.ringStart[area + 1]];
      for (var ref = this.refStart[this.ringStart[area]]; ref < end; ref++) {
        var code = this.refs[ref], o = 4 * (code < 0 ? ~code : code);
        box[0] = Math.min(box[0], arcBox[o]); box[1] = Math.min(box[1], arcBox[o + 1]);
        box[2] = Math.max(box[2], arcBox[o + 2]); box[3] = Math.max(box[3], arcBox[o + 3]);
      }
      areaBox.set(box, area * 4);
    }
    this.arcBox = arcBox; this.areaBox = areaBox;
  }

  // Arcs as they are drawn at a scale (screen pixels per packed pixel): vertices nearer than half a pixel to the last
  // one kept are left out. An arc is thinned once for both its areas, so neighbours still meet.
  level(scale) {
    var key = scale.toFixed(9), found = this._levels.get(key);
    if (found) { return found; }
    var total = this.x.length, x = new Float64Array(total), y = new Float64Array(total);
    var start = new Int32Array(this.arcCount + 1), out = 0;
    for (var arc = 0; arc < this.arcCount; arc++) {
      start[arc] = out;
      var at = this.arcStart[arc], last = this.arcStart[arc + 1] - 1;
      var px = this.x[at] * scale, py = this.y[at] * scale;
      x[out] = px; y[out++] = py;
      for (at++; at < last; at++) {
        var nx = this.x[at] * scale, ny = this.y[at] * scale;
        if (Math.abs(nx - px) + Math.abs(ny - py) >= 0.5) { px = nx; py = ny; x[out] = px; y[out++] = py; }
      }
      x[out] = this.x[last] * scale; y[out++] = this.y[last] * scale;
    }
    start[this.arcCount] = out;
    found = { scale: scale, x: x.slice(0, out), y: y.slice(0, out), start: start };
    if (this._levels.size > 2) { this._levels.delete(this._levels.keys().next().value); }
    this._levels.set(key, found);
    return found;
  }

  // The area at a point in packed pixels, -1 where there is none.
  pick(px, py) {
    var boxes = this.areaBox;
    for (var area = 0; area < this.areaCount; area++) {
      var o = area * 4;
      if (px >= boxes[o] && px <= boxes[o + 2] && py >= boxes[o + 1] && py <= boxes[o + 3] && this._holds(area, px, py)) {
        return area;
      }
    }
    return -1;
  }

  _holds(area, px, py) {
    var isInside = false, end = this.refStart[this.ringStart[area + 1]];
    for (var ref = this.refStart[this.ringStart[area]]; ref < end; ref++) {
      var code = this.refs[ref], arc = code < 0 ? ~code : code;
      for (var at = this.arcStart[arc] + 1; at < this.arcStart[arc + 1]; at++) {
        var ya = this.y[at - 1], yb = this.y[at];
        if ((ya > py) !== (yb > py)) {
          var cross = this.x[at - 1] + (py - ya) * (this.x[at] - this.x[at - 1]) / (yb - ya);
          if (px < cross) { isInside = !isInside; }
        }
      }
    }
    return isInside;
  }

  // An area's rings as lists of [x, y] in packed pixels.
  rings(area) {
    var rings = [];
    for (var ring = this.ringStart[area]; ring < this.ringStart[area + 1]; ring++) {
      var points = [];
      for (var ref = this.refStart[ring]; ref < this.refStart[ring + 1]; ref++) {
        var code = this.refs[ref], arc = code < 0 ? ~code : code, at;
        if (code < 0) {
          for (at = this.arcStart[arc + 1] - 1; at >= this.arcStart[arc]; at--) { points.push([this.x[at], this.y[at]]); }
        } else {
          for (at = this.arcStart[arc]; at < this.arcStart[arc + 1]; at++) { points.push([this.x[at], this.y[at]]); }
        }
        if (ref + 1 < this.refStart[ring + 1]) { points.pop(); }
      }
      rings.push(points);
    }
    return rings;
  }

  box(areas) {
    var box = [Infinity, Infinity, -Infinity, -Infinity], boxes = this.areaBox;
    areas.forEach(function (area) {
      var o = area * 4;
      box[0] = Math.min(box[0], boxes[o]); box[1] = Math.min(box[1], boxes[o + 1]);
      box[2] = Math.max(box[2], boxes[o + 2]); box[3] = Math.max(box[3], boxes[o + 3]);
    });
    return box;
  }

  middle(area) {
    var o = area * 4, b = this.areaBox;
    return [(b[o] + b[o + 2]) / 2, (b[o + 1] + b[o + 3]) / 2];
  }
};
