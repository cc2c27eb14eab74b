"""A second checker of plan.json, written from the formulas of method-siting.md in plain Python integers.

It shares no code with `exclusion.siting`: people, minutes and venues come from the tables of the question, prices and
claims from the file. Numbers are Python's own, so nothing can overflow or round.
"""

from math import ceil, floor


class Question:
    """The tables of a problem as dictionaries and whole numbers."""

    def __init__(self, problem, record):
        inputs = record["inputs"]
        self.scale, self.goal, self.limit = inputs["scale"], inputs["goal"], round(problem.limit_min * 100)
        self.people = [round(float(one) * self.scale) for one in problem.demand["people_offline"]]
        self.ids = [str(one) for one in problem.venues["venue_id"]]
        reach = problem.reach
        self.minutes = {}
        for row in range(len(self.people)):
            for at in range(int(reach.indptr[row]), int(reach.indptr[row + 1])):
                hundredths = round(float(reach.minutes[at]) * 100)
                if hundredths <= self.limit:
                    self.minutes[row, int(reach.indices[at])] = hundredths
        at = {name: place for place, name in enumerate(self.ids)}
        self.keep = {at[one] for one in problem.keep}
        self.must = {at[one] for one in problem.must} - self.keep
        self.never = {at[one] for one in problem.never}
        self.pick = min(problem.choose or len(self.ids), len(self.ids) - len(self.keep) - len(self.never))
        self.cost = None
        if problem.budget is not None:
            self.cost = [round(float(one) * 100) for one in problem.venues["cost"]]
            self.money = round(problem.budget * 100) - sum(self.cost[one] for one in self.must)
        self.penalty = round(problem.minimum_gain * self.scale)
        self.full = self.limit if problem.full_min is None else round(problem.full_min * 100)
        self.backup = round(problem.backup_share * 1000)
        self.groups = []
        if problem.one_per is not None:
            names = [None if one is None else str(one) for one in problem.venues[problem.one_per]]
            used = [names[one] for one in self.keep | self.must]
            self.groups.append((names, {name: 1 - min(1, used.count(name)) for name in set(names)}))
        if problem.kind_at_most:
            kinds = [str(one) for one in problem.venues["kind"]]
            forced = [kinds[one] for one in self.must]
            places = {
                kind: problem.kind_at_most.get(kind, len(kinds)) - forced.count(kind) for kind in set(kinds)
            }
            self.groups.append((kinds, places))
        self.floors = []
        if problem.rural_share:
            rows = [row for row, is_rural in enumerate(problem.demand["is_rural"]) if is_rural]
            self.floors.append((rows, problem.rural_share))
        if problem.district_share:
            districts = list(problem.demand["lad_cd"])
            for name in sorted(set(districts)):
                rows = [row for row, own in enumerate(districts) if own == name]
                if sum(self.people[row] for row in rows):
                    self.floors.append((rows, problem.district_share))
        self.required = [
            ceil(share * sum(self.people[row] for row in rows) - 1e-6) for rows, share in self.floors
        ]
        self.capacity = None
        if self.goal == "capacity":
            self.capacity = [floor(float(one) * self.scale) for one in problem.venues["capacity_people"]]
            self.sessions = problem.sessions_at_most

    def value(self, row, venue):
        """What a venue gives a row, in the goal's units; 0 out of reach."""
        if (row, venue) not in self.minutes:
            return 0
        time, people = self.minutes[row, venue], self.people[row]
        if self.goal == "mean_time":
            return people * (self.limit - time)
        if self.goal == "gradual":
            return people * min(1000, (self.limit - time) * 1000 // (self.limit - self.full))
        return people * (1000 if self.goal == "backup" else 1)

    @property
    def unit(self):
        return self.scale * {"mean_time": 100, "gradual": 1000, "backup": 1000}.get(self.goal, 1)


def value_of(question, chosen):
    """The worth of a plan in the goal's units, counted row by row."""
    opened = sorted(question.keep | set(chosen))
    total = 0
    for row in range(len(question.people)):
        worths = sorted((question.value(row, venue) for venue in opened), reverse=True)
        total += worths[0] if worths else 0
        if question.goal == "backup" and len(worths) > 1 and worths[1] > 0:
            total += question.people[row] * question.backup
    return total - question.penalty * (question.unit // question.scale) * len(set(chosen) - question.must)


def conditions_broken(question, chosen):
    """The names of the conditions that a plan breaks."""
    broken = []
    chosen, opened = set(chosen), question.keep | set(chosen)
    if chosen & (question.keep | question.never):
        broken.append("kept or forced out")
    if question.must - chosen:
        broken.append("forced in")
    if len(chosen) > question.pick:
        broken.append("number")
    if (
        question.cost is not None
        and sum(question.cost[one] for one in chosen - question.must) > question.money
    ):
        broken.append("budget")
    for names, places in question.groups:
        own = [names[one] for one in chosen - question.must]
        if any(name is not None and own.count(name) > places[name] for name in own):
            broken.append("group")
    if question.goal != "capacity":
        for (rows, _), required in zip(question.floors, question.required, strict=True):
            held = sum(
                question.people[row]
                for row in rows
                if any((row, venue) in question.minutes for venue in opened)
            )
            if held < required:
                broken.append("floor")
    return broken


def _best(worth, question, pick):
    """The most an allowed set of venues is paid: best first, within one family of groups at a time."""
    order = sorted((one for one in worth if worth[one] > 0), key=lambda one: -worth[one])
    found = [sum(worth[one] for one in order[:pick])]
    for names, places in question.groups:
        left, taken = dict(places), []
        for one in order:
            if len(taken) < pick and (names[one] is None or left[names[one]] > 0):
                taken.append(worth[one])
                if names[one] is not None:
                    left[names[one]] -= 1
        found.append(sum(taken))
    return min(found)


def priced_bound(question, certificate):
    """The bound that the file's prices prove for cover, backup, gradual and mean_time, in the goal's units."""
    opened = question.keep | question.must
    free = [
        venue for venue in range(len(question.ids))
        if venue not in opened | question.never
        and (question.cost is None or question.cost[venue] <= question.money)
        and all(names[venue] is None or places[names[venue]] > 0 for names, places in question.groups)
    ]  # fmt: skip
    has_backup, is_flat = question.goal == "backup", question.goal in ("cover", "backup")
    floor_of = [set() for _ in question.people]
    required = list(question.required)
    base = 0
    for number, (rows, _) in enumerate(question.floors):
        for row in rows:
            if any((row, venue) in question.minutes for venue in opened):
                required[number] -= question.people[row]
            else:
                floor_of[row].add(number)
    floor_price = certificate["floor_price"]
    main, extra = [], []  # rows of the model: (row, {venue: value}, second worth)
    for row, people in enumerate(question.people):
        first = max((question.value(row, venue) for venue in opened), default=0)
        base += first
        second = people * question.backup if has_backup else 0
        times = sum((row, venue) in question.minutes for venue in opened)
        if has_backup and times > 1:
            base += second
        lists = {}
        for venue in free:
            gain = question.value(row, venue) - first
            if has_backup and times:
                gain = second if times == 1 and (row, venue) in question.minutes else 0
            if people and (gain > 0 or (is_flat and floor_of[row] and (row, venue) in question.minutes)):
                lists[venue] = max(gain, 0)
        if lists:
            main.append((row, lists, 0 if times else second))
        reachable = {venue: 0 for venue in free if (row, venue) in question.minutes}
        if question.floors and not is_flat and floor_of[row] and people and reachable:
            extra.append((row, reachable, 0))
    rows = main + extra
    price = certificate["row_price"]
    assert len(price) == len(rows), (len(price), len(rows))
    assert all(one >= 0 for one in [*price, *floor_price, certificate["budget_price"]])
    paid = {venue: 0 for venue in free if any(venue in lists for _, lists, _ in rows)}
    total = base * 1000 - sum(one * max(0, need) for one, need in zip(floor_price, required, strict=True))
    for number, ((row, lists, second), own) in enumerate(zip(rows, price, strict=True)):
        is_floored = is_flat or number >= len(main)
        floored = sum(floor_price[one] for one in floor_of[row]) * question.people[row] if is_floored else 0
        if has_backup:
            once = max(lists.values()) * 1000 + floored - own
            total += max(0, once, once + second * 1000 - own)
            for venue in lists:
                paid[venue] += own
        else:
            total += own
            for venue, gain in lists.items():
                paid[venue] += max(0, gain * 1000 + floored - own)
    penalty = question.penalty * (question.unit // question.scale) * 1000
    budget = certificate["budget_price"]
    for venue in paid:
        paid[venue] -= penalty + (budget * question.cost[venue] if question.cost is not None else 0)
    total += budget * question.money if question.cost is not None else 0
    columns = sorted(paid)
    served = {venue: {row for row, lists, _ in rows if venue in lists} for venue in columns}
    left_out = {columns[inner] for inner, _ in certificate["dominated"]}
    for inner, outer in certificate["dominated"]:
        assert served[columns[inner]] <= served[columns[outer]], "a venue left out serves somebody of its own"
        assert columns[outer] not in left_out
        assert question.cost is None or question.cost[columns[outer]] <= question.cost[columns[inner]]
        assert all(names[columns[inner]] == names[columns[outer]] for names, _ in question.groups)
    paid = {venue: one for venue, one in paid.items() if venue not in left_out}
    return (total + _best(paid, question, question.pick - len(question.must))) // 1000


def capacity_bound(question, certificate):
    """The bound that row prices and cuts prove for capacity, in scaled people."""
    opened = question.keep | question.must
    free = [venue for venue in range(len(question.ids)) if venue not in question.never]
    rows = [
        row for row, people in enumerate(question.people)
        if people and any((row, venue) in question.minutes for venue in free)
    ]  # fmt: skip
    columns = [venue for venue in free if any((row, venue) in question.minutes for row in rows)]
    price, million = certificate["row_price"], 1_000_000
    assert len(price) == len(rows)
    assert all(0 <= one <= million for one in price)
    total = sum(question.people[row] * own for row, own in zip(rows, price, strict=True))
    keep = {
        (row, venue): million - own
        for row, own in zip(rows, price, strict=True) for venue in columns if (row, venue) in question.minutes
    }  # fmt: skip
    extra = dict.fromkeys(columns, 0)
    for cut in certificate["cuts"]:
        inside, where = {rows[one] for one in cut["rows"]}, {columns[one] for one in cut["columns"]}
        assert cut["size"] > 0
        assert cut["price"] >= 0
        people = sum(question.people[row] for row in inside)
        whole, rest = divmod(people, cut["size"])
        total += cut["price"] * (people - rest * (whole + 1))
        for venue in where:
            times, over = divmod(question.capacity[venue], cut["size"])
            extra[venue] += cut["price"] * (rest * times + min(rest, over))
        for pair in keep:
            if pair[0] in inside and pair[1] in where:
                keep[pair] -= cut["price"]
    sessions = []
    for venue in columns:
        most = (
            max(question.sessions, 1 if venue in opened else 0)
            if question.capacity[venue]
            else int(venue in opened)
        )
        queue = sorted(
            ((max(0, keep[row, venue]), question.people[row]) for row in rows if (row, venue) in keep),
            reverse=True,
        )
        for number in range(most):
            room, worth = question.capacity[venue], extra[venue]
            while queue and room:
                each, people = queue[0]
                part = min(room, people)
                worth, room = worth + part * each, room - part
                queue = queue[1:] if part == people else [(each, people - part), *queue[1:]]
            if venue in opened and number == 0:
                total += worth
            else:
                sessions.append(worth)
    return (total + sum(sorted(sessions, reverse=True)[: question.pick - len(question.must)])) // million
