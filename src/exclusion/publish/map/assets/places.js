// The overview's search: rows whose name holds every word typed stay, and the count is said.
(function () {
  "use strict";
  document.documentElement.classList.add("has-script");
  var input = document.getElementById("place-text"), count = document.getElementById("place-count");
  var rows = Array.from(document.querySelectorAll("#places tbody tr")).map(function (row) {
    return { row: row, words: folded(row.cells[0].textContent) };
  });

  function folded(text) { return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase(); }

  function filter() {
    var parts = folded(input.value).trim().split(/\s+/), shown = 0;
    rows.forEach(function (entry) {
      var isFound = parts.every(function (part) { return entry.words.indexOf(part) >= 0; });
      entry.row.hidden = !isFound;
      shown += isFound ? 1 : 0;
    });
    count.textContent = input.dataset.count.replace("{n}", shown).replace("{all}", rows.length);
  }

  input.addEventListener("input", filter);
  if (input.value) { filter(); }
})();
