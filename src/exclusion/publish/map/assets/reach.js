// Reach: how many people offline have help within so many minutes, from the tables that the pipeline computed.
exclusion.Reach = class {
  constructor(bytes, facts, venueCount) {
    var reader = new exclusion.StreamReader(bytes);
    this.areaOf = exclusion.summed(reader.next());
    this.people = reader.next();
    this.today = reader.next(Uint16Array);
    var counts = reader.next();
    this.isKnown = counts.map(function (count) { return count ? 1 : 0; });
    this.start = exclusion.starts(counts.map(function (count) { return Math.max(0, count - 1); }));
    this.demand = reader.next();
    this.minutes = reader.next(Uint16Array);
    this.scale = facts.scale;
    this.limit = facts.limit;
    for (var venue = 0; venue < venueCount; venue++) {
      for (var at = this.start[venue] + 1; at < this.start[venue + 1]; at++) { this.demand[at] += this.demand[at - 1]; }
    }
  }

  hasVenue(venue) { return this.isKnown[venue] === 1; }

  // Which places (demand points) are within the minutes of today's help or of any of the venues. Only pairs that are
  // shorter than today's help are at hand: no other could change the answer.
  within(venues, minutes) {
    var reached = new Uint8Array(this.areaOf.length), self = this;
    for (var place = 0; place < reached.length; place++) { reached[place] = this.today[place] && this.today[place] - 1 <= minutes ? 1 : 0; }
    venues.forEach(function (venue) {
      for (var at = self.start[venue]; at < self.start[venue + 1]; at++) {
        if (self.minutes[at] <= minutes) { reached[self.demand[at]] = 1; }
      }
    });
    return reached;
  }

  // People in the places reached, and those not in `before`.
  sum(reached, before) {
    var total = 0;
    for (var at = 0; at < reached.length; at++) { if (reached[at] && !(before && before[at])) { total += this.people[at]; } }
    return total / this.scale;
  }

  // What one more venue would add to places already reached.
  gain(venue, reached, minutes) {
    var total = 0;
    for (var at = this.start[venue]; at < this.start[venue + 1]; at++) {
      if (this.minutes[at] <= minutes && !reached[this.demand[at]]) { total += this.people[this.demand[at]]; }
    }
    return total / this.scale;
  }

  // People newly reached, by area.
  byArea(reached, before, areaCount) {
    var gains = new Float64Array(areaCount);
    for (var at = 0; at < reached.length; at++) {
      if (reached[at] && !(before && before[at])) { gains[this.areaOf[at]] += this.people[at] / this.scale; }
    }
    return gains;
  }

  // Areas where most people offline are reached.
  covered(reached, areaCount) {
    var all = new Float64Array(areaCount), here = new Float64Array(areaCount), covered = new Uint8Array(areaCount);
    for (var at = 0; at < reached.length; at++) {
      all[this.areaOf[at]] += this.people[at];
      if (reached[at]) { here[this.areaOf[at]] += this.people[at]; }
    }
    for (var area = 0; area < areaCount; area++) { covered[area] = all[area] > 0 && here[area] * 2 > all[area] ? 1 : 0; }
    return covered;
  }
};
