// Unpacks the map's script (the vendored library and our own) and then runs what Folium wrote. Each runs only if its
// hash stands in the page's content security policy. What cannot be drawn leaves the readable table as it is.
var exclusionLoad = (function () {
  "use strict";
  document.documentElement.classList.add("has-script");

  function decoded(text) {
    if (Uint8Array.fromBase64) { return Uint8Array.fromBase64(text); }
    var plain = atob(text);
    var bytes = new Uint8Array(plain.length);
    for (var at = 0; at < plain.length; at++) { bytes[at] = plain.charCodeAt(at); }
    return bytes;
  }

  // The bytes of a packed block, or null where the page has no such block. The block is emptied to free its memory.
  async function bytes(name) {
    var element = document.getElementById("data-" + name);
    if (!element) { return null; }
    var packed = decoded(element.textContent);
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
