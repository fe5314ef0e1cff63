"use strict";
// Draws the plots of a report when they come into view; the format of the data is told in optlint/report/plots.py.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];

  // -- the plotting library, unpacked when the first plot is drawn ----------------------------------------------

  let loading = null;
  function library() {
    loading ??= (async () => {
      const packed = document.getElementById("library");
      const bytes = Uint8Array.from(atob(packed.textContent), (character) => character.charCodeAt(0));
      packed.remove();
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
      return window.Plotly;
    })();
    return loading;
  }

  // -- the data --------------------------------------------------------------------------------------------------

  function column(packed) {
    if (Array.isArray(packed)) return packed;
    if (packed.a) return Array.from({ length: packed.a[2] }, (_, at) => packed.a[0] + at * packed.a[1]);
    const values = [];
    for (let at = 0; at < packed.r.length; at += 2) {
      for (let times = packed.r[at]; times > 0; times--) values.push(packed.r[at + 1]);
    }
    return values;
  }

  // Plotly takes a few tags and entities in texts for markup.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const digits = (value) => (value === null ? "not finite" : String(Number(value.toPrecision(6))));

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

  // The curves of a run in one role, one for each optimizer and for the rates each of its groups.
  function curves(run, role, kind, style) {
    if (run < 0) return [];
    const walks = data.runs[run];
    const found = [];
    for (const walk of walks) {
      const groups = kind === "rate" ? (role === "reference" ? walk.d ?? walk.r : walk.r) : [walk.t];
      groups.forEach((group, index) => {
        const group_name = walk.g?.[index] ?? `group ${index}`;
        const parts = [...(walks.length > 1 ? [walk.n] : []), ...(groups.length > 1 ? [group_name] : [])];
        found.push({
          ...style,
          name: parts.length ? `${role}: ${parts.join(", ")}` : role,
          dash: DASHES[found.length % DASHES.length],
          updates: column(walk.u),
          values: column(group),
          events: role === "reference" ? null : events(walk),
        });
      });
    }
    return found;
  }

  function trace(curve, kind, rank) {
    return {
      legendrank: 1000 + rank,
      type: "scatter",
      mode: curve.values.length > 60 ? "lines" : "lines+markers",
      name: plain(curve.name),
      x: curve.updates,
      y: curve.values,
      hoverinfo: "none", // it is told below the plot, where it covers nothing
      line: { color: curve.color, width: curve.width, dash: curve.dash, shape: kind === "rate" ? "hv" : "linear" },
      marker: { color: curve.color, size: curve.size },
      opacity: curve.opacity,
    };
  }

  // -- what is told of the update pointed at -----------------------------------------------------------------------

  function element(kind, text, className) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function latest(updates, wanted) {
    let low = 0, high = updates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (updates[middle] <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // Tell each curve's value at its latest update up to the wanted one, and the lines behind it.
  function tell(place, wanted) {
    const readout = place.parentElement.querySelector(".readout");
    const rows = [];
    for (const curve of place.curves) {
      const at = latest(curve.updates, wanted);
      if (at < 0) continue;
      const row = element("div", "", "told");
      const swatch = element("span", "", "swatch");
      swatch.style.background = curve.color;
      const when = curve.updates[at] === wanted ? "" : ` (update ${curve.updates[at]})`;
      row.append(swatch, element("span", `${curve.name}${when} `), element("b", digits(curve.values[at])));
      for (const [word, site] of curve.events ? curve.events[at] : []) {
        const line = element("div", word, "event");
        line.append(element("span", data.sites[site][0], "place"), " ", element("code", data.sites[site][1]));
        row.append(line);
      }
      rows.push(row);
    }
    readout.replaceChildren(element("b", `Update ${wanted}`), ...rows);
  }

  // -- drawing ---------------------------------------------------------------------------------------------------

  async function draw(Plotly, place) {
    const box = place.closest(".plots");
    const plot = data.plots[Number(box.dataset.plot)];
    const chosen = box.parentElement.querySelector("select.pair");
    const [written, fixed, reference] = plot.pairs[chosen ? Number(chosen.value) : 0];
    const kind = place.dataset.kind;
    const styles = getComputedStyle(document.documentElement);
    const color = (name) => styles.getPropertyValue(`--${name}`).trim();
    // Where curves are equal the wider ones still show below the narrower, which are drawn later.
    const roles = [
      curves(written, "as written", kind, { color: color("written"), width: 1.8, size: 4.5, opacity: 1 }),
      curves(fixed, "as fixed", kind, { color: color("fixed"), width: 4, size: 7, opacity: 0.9 }),
    ];
    if (kind === "rate") {
      roles.push(curves(reference, "reference", kind, { color: color("reference"), width: 8, size: 8, opacity: 0.45 }));
    }
    place.curves = roles.flat();
    const traces = roles.reverse().flatMap((role, rank) => role.map((curve) => trace(curve, kind, -rank)));
    const axis = { gridcolor: color("grid"), linecolor: color("line"), zeroline: false, automargin: true };
    const layout = {
      autosize: true,
      margin: { l: 56, r: 40, t: 24, b: 44 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', size: 12, color: color("text") },
      hovermode: "x",
      showlegend: true,
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      legend: { orientation: "h", y: -0.2, yanchor: "top", x: 0 },
      modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: color("aside"), activecolor: color("text") },
      xaxis: {
        ...axis, title: { text: "update", standoff: 6 }, tickformat: ",d",
        showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: color("aside"),
      },
      yaxis: {
        ...axis, rangemode: "tozero", exponentformat: "power",
        ...(kind === "rate" && plot.log ? { type: "log", title: { text: "log scale", standoff: 6 } } : {}),
      },
      shapes: [],
    };
    if (plot.at > 0) {
      const last = Math.max(...place.curves.map((curve) => curve.updates.at(-1)));
      const anchor = plot.at > 0.7 * last ? "right" : "left";
      layout.shapes.push({
        type: "line", x0: plot.at, x1: plot.at, y0: 0, y1: 1, yref: "paper", layer: "below",
        line: { color: color("aside"), width: 1, dash: "dot" },
        label: {
          text: "first divergence", textposition: "end", textangle: 0, xanchor: anchor, yanchor: "bottom",
          font: { size: 11, color: color("aside") },
        },
      });
    }
    // Only these buttons: among the others is one that sends the data away.
    const options = { responsive: true, displaylogo: false, modeBarButtons: [["resetScale2d", "toImage"]] };
    const first = !place.dataset.drawn;
    await Plotly.react(place, traces, layout, options);
    if (first) place.on("plotly_hover", (event) => tell(place, event.points[0].x));
  }

  const wanted = new Set();
  async function show(place) {
    wanted.add(place);
    try {
      await draw(await library(), place);
      place.dataset.drawn = "yes";
    } catch (error) {
      place.textContent = `The plot cannot be drawn in this browser: ${error}`;
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        show(entry.target);
      }
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll(".plot").forEach((place) => seen.observe(place));

  for (const choice of document.querySelectorAll("select.pair")) {
    choice.addEventListener("change", () => {
      choice.closest(".finding").querySelectorAll(".plot[data-drawn]").forEach(show);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => wanted.forEach(show));

  // A link from the table opens what it leads to.
  function unfold() {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", unfold);
  unfold();
})();
