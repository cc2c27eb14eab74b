// Unpacks the map's script (the vendored library and our own) and then runs what Folium wrote. Each runs only if its
// hash stands in the page's content security policy. What cannot be drawn leaves the readable table as it is.
var exclusionLoad = (function () {
  "use strict";
  document.documentElement.classList.add("has-script");

  // On a narrow screen what is not needed first is folded up, so that the map is near; where there is room it stands open.
  var narrow = window.matchMedia("(max-width: 47.49rem)");
  function fold() {
    document.querySelectorAll(".fold").forEach(function (part) { part.open = !narrow.matches || part.contains(document.activeElement); });
  }
  fold();
  narrow.addEventListener("change", fold);

  // Two letters of 91 hold 13 bits (written by packing.py).
  function decoded(text, length) {
    var codes = new Uint8Array(128), next = 0, out = new Uint8Array(length), hold = 0, bits = 0, to = 0;
    for (var code = 33; code < 127; code++) { if (code !== 60 && code !== 40 && code !== 64) { codes[code] = next++; } }
    for (var at = 0; at < text.length; at += 2) {
      hold = hold << 13 | codes[text.charCodeAt(at)] * 91 + codes[text.charCodeAt(at + 1)];
      bits += 13;
      while (bits > 7) { bits -= 8; out[to++] = hold >>> bits; }
      hold &= (1 << bits) - 1;
    }
    return out;
  }

  // The bytes of a packed block, or null where the page has no such block. The block is emptied to free its memory.
  async function bytes(name) {
    var element = document.getElementById("data-" + name);
    if (!element) { return null; }
    var packed = decoded(element.textContent, Number(element.dataset.bytes));
    element.textContent = "";
    var stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function text(name) {
    return new TextDecoder().decode(await bytes(name));
  }

  function run(code) {
    var element = document.createElement("script");
    element.textContent = code;
    document.head.appendChild(element);
    element.remove();
  }

  function fail(key, error) {
    var place = document.getElementById("failure");
    if (place) { place.textContent = place.getAttribute("data-" + key); place.hidden = false; }
    document.documentElement.classList.remove("has-script");
    document.documentElement.classList.add("failed");
    if (error && window.console) { console.error(error); }
  }

  async function start() {
    if (typeof DecompressionStream === "undefined") { fail("old"); return; }
    try {
      run(await text("script"));
      run(document.getElementById("page-script").textContent);
    } catch (error) { fail("failed", error); }
  }

  start();
  return { bytes: bytes, text: text, fail: fail };
})();
