"use strict";
// Reads the curves of a report out of its data; the format is told in optlint/report/plots.py.
const optlintCurves = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const NEAR = 1e-6; // relative: what no eye can tell apart

  function column(packed) {
    if (Array.isArray(packed)) return packed;
    if (packed.a) return Array.from({ length: packed.a[2] }, (_, at) => packed.a[0] + at * packed.a[1]);
    const values = [];
    for (let at = 0; at < packed.r.length; at += 2) {
      for (let times = packed.r[at]; times > 0; times--) values.push(packed.r[at + 1]);
    }
    return values;
  }

  // What made each update, and what changed the rate before it: pairs of a word and a site.
  function events(walk) {
    const sites = column(walk.s);
    return column(walk.c).map((move, at) => {
      const found = sites[at] < 0 ? [] : [["", sites[at]]];
      for (const [site, times] of move < 0 ? [] : data.moves[move]) {
        found.push([times > 1 ? `after ${times} times ` : "after ", site]);
      }
      return found;
    });
  }

  // Of the reference only the update: it does not move with what the code does to its rates.
  const dueAt = (walk) => column(walk.s).map((site) => (site < 0 ? [] : [["due at ", site]]));

  // The curves of a run in one role, one for each optimizer and for the rates each of its groups.
  // `due` holds what is due to each of their values, where the run has a reference of its own.
  function curves(run, role, kind, style) {
    if (run < 0) return [];
    const walks = data.runs[run];
    const found = [];
    for (const walk of walks) {
      const own = kind === "rate" ? walk.r : [walk.t];
      const due = kind === "rate" ? walk.d ?? walk.r : [walk.w ?? walk.t];
      own.forEach((group, index) => {
        const group_name = walk.g?.[index] ?? `group ${index}`;
        const parts = [...(walks.length > 1 ? [walk.n] : []), ...(own.length > 1 ? [group_name] : [])];
        found.push({
          ...style,
          role,
          name: parts.length ? `${role}: ${parts.join(", ")}` : role,
          dash: DASHES[found.length % DASHES.length],
          updates: column(walk.u),
          values: column(role === "reference" ? due[index] : group),
          due: role === "reference" ? null : column(due[index]),
          events: role === "reference" ? dueAt(walk) : events(walk),
        });
      });
    }
    return found.filter((curve) => curve.values.some((value) => value !== null));
  }

  function near(one, other) {
    if (one === null || other === null) return one === other;
    return Math.abs(one - other) <= NEAR * Math.max(Math.abs(one), Math.abs(other));
  }

  // Whether two roles have the same curves: "" for no, else "all" or "shared", where one goes on longer.
  function same(ones, others) {
    if (!ones.length || ones.length !== others.length) return "";
    let answer = "all";
    for (const [index, one] of ones.entries()) {
      const other = others[index];
      const length = Math.min(one.updates.length, other.updates.length);
      for (let at = 0; at < length; at++) {
        if (one.updates[at] !== other.updates[at] || !near(one.values[at], other.values[at])) return "";
      }
      if (one.updates.length !== other.updates.length) answer = "shared";
    }
    return answer;
  }

  // Sentences on what cannot be seen in a plot: which curves lie on each other, and which are missing.
  function remarks(plot, [written, fixed, reference], [ofWritten, ofFixed, ofReference]) {
    const found = [];
    const says = { all: "", shared: " as far as both go" };
    const pairs = [same(ofWritten, ofFixed), same(ofFixed, ofReference), same(ofWritten, ofReference)];
    if (pairs.every((each) => each === "all")) {
      found.push("As written, as fixed and the reference coincide.");
    } else {
      const names = ["As written and as fixed", "As fixed and the reference", "As written and the reference"];
      pairs.forEach((each, at) => each && found.push(`${names[at]} coincide${says[each]}.`));
    }
    if (written < 0) found.push("There is no curve as written: that run made no update.");
    if (fixed < 0 && plot.fix) found.push("There is no curve as fixed: that run made no update.");
    if (written >= 0 && fixed >= 0 && ofReference.length) {
      found.push(`The reference goes by the run as ${reference === fixed ? "fixed" : "written"}.`);
    }
    if (plot.mended && reference === fixed && ofReference.length && !pairs[1]) {
      found.push("What still sets the curve as fixed apart from the reference is not what this finding is about.");
    }
    return found.join(" ");
  }

  return { data, curves, remarks };
})();
