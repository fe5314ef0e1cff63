// Draws the plots of a report when they come into view.
(() => {
  const { data, curves, remarks } = optlintCurves;
  const UNITS = { rate: "learning rate", way: "Euclidean distance" };

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

  // -- words ----------------------------------------------------------------------------------------------------

  // Plotly takes a few tags and entities in texts for markup.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const digits = (value) => (value === null ? "no number" : String(Number(value.toPrecision(6))));

  // What was due where a curve has another value, if its run is not the one that the reference goes by.
  function otherwise(curve, at, kind) {
    const due = curve.due?.[at] ?? null;
    if (!curve.aside || due === null || digits(due) === digits(curve.values[at])) return "";
    return kind === "rate" ? ` where ${digits(due)} was due` : ` where ${digits(due)} was due with its gradients`;
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
    const slider = place.parentElement.querySelector("input");
    slider.value = wanted;
    slider.setAttribute("aria-valuetext", `update ${wanted}`);
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
      row.append(otherwise(curve, at, place.dataset.kind));
      for (const [word, site] of curve.events ? curve.events[at] : []) {
        const line = element("div", word, "event");
        line.append(element("span", data.sites[site][0], "place"), " ", element("code", data.sites[site][1]));
        row.append(line);
      }
      rows.push(row);
    }
    readout.replaceChildren(element("b", `Update ${wanted}`), ...rows);
  }

  // A slider below the plot goes through the updates, for keys, for fingers and for screen readers.
  function slide(Plotly, place, at) {
    let input = place.parentElement.querySelector("input");
    if (!input) {
      const label = element("label", "Update ", "slider");
      input = element("input", "");
      input.type = "range";
      label.append(input);
      place.parentElement.querySelector(".readout").before(label);
      input.addEventListener("input", () => {
        tell(place, Number(input.value));
        Plotly.relayout(place, { shapes: [...place.marks, cursor(Number(input.value))] });
      });
    }
    const updates = place.curves.flatMap((curve) => [curve.updates[0], curve.updates.at(-1)]);
    input.min = Math.min(...updates);
    input.max = Math.max(...updates);
    input.value = at || input.min;
  }

  function cursor(at) {
    const { color } = palette();
    return {
      type: "line", x0: at, x1: at, y0: 0, y1: 1, yref: "paper", layer: "below",
      line: { color: color("aside"), width: 1 },
    };
  }

  // What a screen reader says in the place of a plot.
  function describe(place) {
    const title = place.parentElement.querySelector("figcaption b").textContent;
    const told = place.curves.map((curve) => {
      const values = curve.values.filter((value) => value !== null);
      const most = digits(values.reduce((one, other) => Math.max(one, other)));
      return `${curve.name}: from ${digits(values[0])} to ${digits(values.at(-1))}, at most ${most}, `
        + `${curve.updates.length} update${curve.updates.length === 1 ? "" : "s"}`;
    });
    place.setAttribute("aria-label", `${title}. ${told.join("; ")}`);
  }

  // -- drawing ---------------------------------------------------------------------------------------------------

  function palette() {
    const styles = getComputedStyle(document.documentElement);
    return { color: (name) => styles.getPropertyValue(`--${name}`).trim() };
  }

  async function draw(Plotly, place) {
    const box = place.closest(".plots");
    const plot = data.plots[Number(box.dataset.plot)];
    const chosen = box.parentElement.querySelector("select.pair");
    const pair = plot.pairs[chosen ? Number(chosen.value) : 0];
    const [written, fixed, reference] = pair;
    const kind = place.dataset.kind;
    const { color } = palette();
    // Where curves are equal the wider ones still show below the narrower, which are drawn later.
    const roles = [
      curves(written, "as written", kind, { color: color("written"), width: 1.8, size: 4.5, opacity: 1, aside: written !== reference }),
      curves(fixed, "as fixed", kind, { color: color("fixed"), width: 4, size: 7, opacity: 0.9, aside: fixed !== reference }),
      curves(reference, "reference", kind, { color: color("reference"), width: 9, size: 10, opacity: 0.5 }),
    ];
    place.parentElement.querySelector(".remarks").textContent = remarks(plot, pair, roles);
    place.curves = roles.flat();
    describe(place);
    const traces = roles.reverse().flatMap((role, rank) => role.map((curve) => trace(curve, kind, -rank)));
    const axis = { gridcolor: color("grid"), linecolor: color("line"), zeroline: false, automargin: true };
    const layout = {
      autosize: true,
      margin: { l: 64, r: 40, t: 24, b: 44 },
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
        ...(plot.log?.includes(kind) ? { type: "log" } : {}),
        title: { text: plot.log?.includes(kind) ? `${UNITS[kind]} (log scale)` : UNITS[kind], standoff: 8 },
      },
    };
    place.marks = [];
    if (plot.at > 0) {
      const last = Math.max(...place.curves.map((curve) => curve.updates.at(-1)));
      const anchor = plot.at > 0.5 * last ? "right" : "left";
      place.marks.push({
        type: "line", x0: plot.at, x1: plot.at, y0: 0, y1: 1, yref: "paper", layer: "below",
        line: { color: color("aside"), width: 1, dash: "dot" },
        label: {
          text: plain(plot.of ? `first divergence: ${plot.of}` : "first divergence"), textposition: "end", textangle: 0, xanchor: anchor, yanchor: "bottom",
          font: { size: 11, color: color("aside") },
        },
      });
    }
    // Only these buttons: among the others is one that sends the data away.
    const options = { responsive: true, displaylogo: false, modeBarButtons: [["resetScale2d", "toImage"]] };
    const first = !place.dataset.drawn;
    layout.shapes = [...place.marks];
    slide(Plotly, place, plot.at);
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
