// Reading packed data: varint streams and integer columns (written by packing.py).
var exclusion = {};

exclusion.StreamReader = class {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }

  number() {
    var bytes = this.bytes, value = 0, scale = 1, byte;
    do { byte = bytes[this.at++]; value += (byte & 127) * scale; scale *= 128; } while (byte > 127);
    return value;
  }

  // One stream: how many values, then the values.
  next(ArrayKind) {
    var count = this.number(), values = new (ArrayKind || Int32Array)(count), bytes = this.bytes, at = this.at;
    for (var i = 0; i < count; i++) {
      var byte = bytes[at++], value = byte & 127, scale = 128;
      while (byte > 127) { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; }
      values[i] = value;
    }
    this.at = at;
    return values;
  }

  // The same for signed values (zigzag).
  signed() {
    var values = this.next();
    for (var i = 0; i < values.length; i++) { values[i] = (values[i] >>> 1) ^ -(values[i] & 1); }
    return values;
  }

  get isAtEnd() { return this.at >= this.bytes.length; }
};

// Running sums in place: what was packed as differences.
exclusion.summed = function (values) {
  for (var i = 1; i < values.length; i++) { values[i] += values[i - 1]; }
  return values;
};

// Where each part begins, from the lengths of the parts; one more entry than parts.
exclusion.starts = function (lengths) {
  var starts = new Int32Array(lengths.length + 1);
  for (var i = 0; i < lengths.length; i++) { starts[i + 1] = starts[i] + lengths[i]; }
  return starts;
};

exclusion.columnsFrom = function (bytes, measures, count) {
  var offset = 0, columns = {};
  measures.forEach(function (measure) {
    var Kind = measure.bytes === 4 ? Uint32Array : Uint16Array;
    columns[measure.key] = new Kind(bytes.slice(offset, offset + count * measure.bytes).buffer);
    offset += count * measure.bytes;
  });
  return columns;
};

// Texts that are in English on a page in another language.
exclusion.english = new Set();

// Set an element's text, never as markup, and say where its language is not the page's.
exclusion.write = function (element, text) {
  element.textContent = text;
  if (exclusion.english.has(text)) { element.setAttribute("lang", "en-GB"); } else { element.removeAttribute("lang"); }
};

// A small element maker: texts are always set as text, never as markup.
exclusion.make = function (tag, attributes, children) {
  var element = document.createElement(tag);
  Object.keys(attributes || {}).forEach(function (name) {
    var value = attributes[name];
    if (name === "text") { exclusion.write(element, String(value)); }
    else if (name === "on") { Object.keys(value).forEach(function (type) { element.addEventListener(type, value[type]); }); }
    else if (value === true) { element.setAttribute(name, ""); }
    else if (value !== false && value !== null && value !== undefined) { element.setAttribute(name, value); }
  });
  (children || []).forEach(function (child) {
    if (child) { element.appendChild(typeof child === "string" ? document.createTextNode(child) : child); }
  });
  return element;
};

exclusion.byId = function (id) { return document.getElementById(id); };
