// The table of areas: the whole alternative to the map. It follows the choices; each name chooses its area.
exclusion.Table = class {
  constructor(model, choose) {
    this.model = model;
    this.choose = choose;
    this.table = exclusion.byId("areas");
    this.pages = exclusion.byId("table-pages");
    this.first = 0;
    this.most = model.count > 1000 ? 100 : 1000;
    this.rows = [];
    model.state.sort = model.has("exclusion_rank") ? "exclusion_rank" : model.has("risk_rank") ? "risk_rank" : "name";
  }

  columns() {
    var model = this.model, columns = [{ key: "name", label: model.words("table.name") }];
    ["exclusion_rank", "risk_rank", "people_offline"].forEach(function (key) {
      if (model.has(key)) { columns.push({ key: key, label: model.words("table." + key), isNumber: true }); }
    });
    var shown = model.current();
    if (shown && !columns.some(function (column) { return column.key === shown.key; })) {
      columns.push({ key: shown.key, label: shown.label, isNumber: !shown.categories.length });
    }
    if (model.has("wd_nm")) { columns.push({ key: "wd_nm", label: model.words("table.ward") }); }
    if (model.facts.isNational && model.has("lad_nm")) { columns.push({ key: "lad_nm", label: model.words("card.council") }); }
    if (model.facts.reasons) { columns.push({ key: "reason", label: model.words("table.reason"), isFixed: true }); }
    return columns;
  }

  sorted(mask) {
    var model = this.model, key = model.state.sort, sign = model.state.up ? 1 : -1, areas = [];
    for (var area = 0; area < model.count; area++) { if (mask[area]) { areas.push(area); } }
    if (key === "name" || !model.has(key)) {
      var names = model.facts.names;
      return areas.sort(function (a, b) { return sign * (names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b); });
    }
    var column = model.columns[key], missing = model.measures.get(key).missing;
    return areas.sort(function (a, b) {
      var x = column[a], y = column[b];
      if (x === missing || y === missing) { return (x === missing) - (y === missing) || a - b; }
      return sign * (x - y) || a - b;
    });
  }

  draw(mask) {
    var model = this.model, state = model.state;
    // The order is worked out again only where it can have changed: a new colour alone leaves it.
    var key = [state.sort, state.up, state.rural, state.top, state.top < model.count ? state.measure : ""].join(" ");
    if (key !== this.key) {
      this.rows = this.sorted(mask);
      this.first = 0;
      this.key = key;
    }
    var columns = this.columns();
    var sorted = columns.find(function (column) { return column.key === model.state.sort; }) || columns[0];
    this.table.tHead.replaceChildren(this._head(columns));
    this._body(columns);
    this.table.caption.textContent = model.words("table.caption_some", {
      n: exclusion.countText(this.rows.length), all: exclusion.countText(model.count), column: sorted.label
    });
    exclusion.byId("table-text").textContent = this.rows.length ? "" : model.words("table.empty");
    this._paging();
  }

  _head(columns) {
    var self = this, model = this.model;
    return exclusion.make("tr", {}, columns.map(function (column) {
      var head = exclusion.make("th", { scope: "col", "class": column.isNumber ? "num" : column.isFixed ? "why" : null });
      if (column.isFixed) { head.textContent = column.label; return head; }
      var isSorted = column.key === model.state.sort;
      if (isSorted) { head.setAttribute("aria-sort", model.state.up ? "ascending" : "descending"); }
      head.appendChild(exclusion.make("button", {
        type: "button", "class": "sort", id: "sort-" + column.key, on: { click: function () { self.sortBy(column); } }
      }, [column.label, exclusion.make("span", { "aria-hidden": "true", "class": "arrow", text: isSorted ? (model.state.up ? "\u00a0\u25b2" : "\u00a0\u25bc") : "\u00a0\u2195" })]));
      return head;
    }));
  }

  sortBy(column) {
    var model = this.model, isSame = model.state.sort === column.key;
    var up = isSame ? !model.state.up : !column.isNumber || /_rank$/.test(column.key);
    model.set({ sort: column.key, up: up });
    exclusion.byId("sort-" + column.key).focus();
    model.said(model.words(up ? "table.sorted_up" : "table.sorted_down", { column: column.label }));
  }

  _body(columns) {
    var self = this, model = this.model, body = document.createElement("tbody");
    var end = Math.min(this.rows.length, this.first + this.most), drawn = [this.key, this.first, columns.length].join(" ");
    if (drawn === this.drawn) { this._cells(columns, end); return; }
    this.drawn = drawn;
    for (var at = this.first; at < end; at++) { body.appendChild(this._row(this.rows[at], at, columns)); }
    this.table.tBodies[0].replaceWith(body);
    if (this.rows.length > this.most) { this.table.setAttribute("aria-rowcount", String(this.rows.length + 1)); }
    else { this.table.removeAttribute("aria-rowcount"); }
    body.addEventListener("click", function (event) {
      var button = event.target.closest("button");
      if (button) { self.choose(Number(button.dataset.area)); }
    });
    this.mark(model.state.area);
  }

  // The same rows with another measure: only the cells that differ are written.
  _cells(columns, end) {
    for (var at = this.first; at < end; at++) {
      var cells = this.table.tBodies[0].rows[at - this.first].cells;
      for (var column = 1; column < columns.length; column++) {
        var text = this._text(columns[column], this.rows[at]), cell = cells[column], kind = columns[column].isNumber ? "num" : "";
        if (cell.textContent !== text) { exclusion.write(cell, text); }
        if (cell.className !== kind) { cell.className = kind; }
      }
    }
  }

  _text(column, area) {
    var model = this.model;
    return (column.key === "reason" ? model.facts.reasons[area] : model.text(column.key, area)) || model.words("table.unknown");
  }

  _row(area, at, columns) {
    var self = this, model = this.model, row = document.createElement("tr");
    row.id = "row-" + area;
    if (this.rows.length > this.most) { row.setAttribute("aria-rowindex", String(at + 2)); }
    columns.forEach(function (column) {
      var cell = document.createElement(column.key === "name" ? "th" : "td");
      if (column.key === "name") {
        cell.scope = "row";
        var button = document.createElement("button");
        button.type = "button"; button.className = "link"; button.dataset.area = area;
        button.textContent = model.facts.names[area];
        cell.appendChild(button);
      } else {
        exclusion.write(cell, self._text(column, area));
        if (column.isNumber) { cell.className = "num"; }
      }
      row.appendChild(cell);
    });
    return row;
  }

  mark(area) {
    var before = this.table.querySelector("tr.chosen");
    if (before) { before.classList.remove("chosen"); before.removeAttribute("aria-current"); }
    var row = area >= 0 && exclusion.byId("row-" + area);
    if (row) { row.classList.add("chosen"); row.setAttribute("aria-current", "true"); }
    return row;
  }

  // Bring an area's row into view within the table's own window, without moving the page.
  reveal(area) {
    var at = this.rows.indexOf(area);
    if (at >= 0 && (at < this.first || at >= this.first + this.most)) {
      this.first = Math.floor(at / this.most) * this.most;
      this._body(this.columns());
      this._paging();
    }
    var row = this.mark(area), scroll = this.table.parentElement;
    if (row) { scroll.scrollTop = Math.max(0, row.offsetTop - scroll.clientHeight / 3); }
  }

  _paging() {
    var self = this, model = this.model, count = this.rows.length, end = Math.min(count, this.first + this.most);
    this.pages.replaceChildren();
    this.pages.hidden = count <= this.most;
    if (this.pages.hidden) { return; }
    function button(key, first, isOff) {
      return exclusion.make("button", { type: "button", text: model.words("table." + key), disabled: isOff, on: { click: function () {
        self.first = first;
        self._body(self.columns());
        self._paging();
        model.said(self.pages.querySelector("span").textContent);
        self.table.parentElement.focus();
      } } });
    }
    this.pages.appendChild(button("earlier", Math.max(0, this.first - this.most), this.first === 0));
    this.pages.appendChild(exclusion.make("span", { text: " " + model.words("table.page_of", {
      from: exclusion.countText(this.first + 1), to: exclusion.countText(end), all: exclusion.countText(count)
    }) + " " }));
    this.pages.appendChild(button("later", this.first + this.most, end >= count));
  }
};
