"use strict";

// Values of five minutes are drawn.
const KEPT = 300;
const SILENCE = 5000;

const $ = (id) => document.getElementById(id);

const state = {
  columns: [],
  sort: "age",
  order: "down",
  find: "",
  page: 0,
  watch: "",
  last: null,
  heard: 0,
};

let source = null;
let charts = [];
let history = null;

// Text.

function scaled(value, unit) {
  let step = 0;
  const steps = ["", "k", "M", "G", "T"];
  while (Math.abs(value) >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${steps[step]}${unit}`;
}

function lasting(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function shown(value, unit) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (unit === "s") return lasting(value);
  if (unit === "B" || unit === "B/s") return scaled(value, unit);
  if (unit === "ms") return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
  if (unit === "share") return `${(100 * value).toFixed(value < 0.1 ? 2 : 1)} %`;
  return value.toLocaleString("en");
}

// Tables.  Cells are changed in place, so that focus and selection stay.

function fill(body, rows, make) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, number) => make(body.rows[number] || body.insertRow(), row));
}

function put(line, number, text, isNumber) {
  const cell = line.cells[number] || line.insertCell();
  if (cell.textContent !== text) cell.textContent = text;
  cell.className = isNumber ? "number" : "";
  return cell;
}

function showPorts(ports) {
  fill($("ports").tBodies[0], ports, (line, port) => {
    put(line, 0, port.name, false);
    put(line, 1, shown(port.live, ""), true);
    put(line, 2, shown(port.rateIn, "B/s"), true);
    put(line, 3, shown(port.rateOut, "B/s"), true);
    ["accepted", "opened", "unreadable", "refused", "dropped"].forEach((key, at) =>
      put(line, 4 + at, shown(port[key], ""), true));
  });
}

function showEnds(ends) {
  fill($("ends").tBodies[0], ends, (line, end) => {
    put(line, 0, lasting(end.ago), true);
    put(line, 1, end.peer, false);
    put(line, 2, end.port, false);
    put(line, 3, end.conv, false);
    put(line, 4, lasting(end.lived), true);
    put(line, 5, shown(end.in, "B"), true);
    put(line, 6, shown(end.out, "B"), true);
    put(line, 7, end.text ? `${end.reason}: ${end.text}` : end.reason, false).className = "reason";
  });
}

function isNumber(column) {
  return column.unit !== "";
}

function showHeadings() {
  const head = $("sessions").tHead.rows[0];
  head.replaceChildren(...state.columns.map((column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = isNumber(column) ? "number" : "";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.label;
    button.dataset.key = column.key;
    button.addEventListener("click", () => sortBy(column));
    cell.append(button);
    return cell;
  }));
  markSort();
}

function markSort() {
  [...$("sessions").tHead.rows[0].cells].forEach((cell, at) => {
    if (state.columns[at].key === state.sort) {
      cell.setAttribute("aria-sort", state.order === "up" ? "ascending" : "descending");
    } else {
      cell.removeAttribute("aria-sort");
    }
  });
}

function showSessions(rows) {
  fill($("sessions").tBodies[0], rows, (line, row) => {
    const [key, ...values] = row;
    line.className = key === state.watch ? "watched" : "";
    values.forEach((value, at) => {
      const column = state.columns[at];
      const text = shown(value, column.unit);
      if (at > 0) {
        put(line, at, text, isNumber(column));
        return;
      }
      const cell = line.cells[0] || line.insertCell();
      let button = cell.firstElementChild;
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.addEventListener("click", () => watch(button.dataset.key));
        cell.append(button);
      }
      if (button.textContent !== text) button.textContent = text;
      button.dataset.key = key;
      button.setAttribute("aria-label", `Watch the session with ${text}`);
    });
  });
}

function showCount(data) {
  const pages = Math.max(1, Math.ceil(data.found / 100));
  const found = data.found === data.live ? "" : `${shown(data.found, "")} of `;
  const page = pages > 1 ? `, page ${data.page + 1} of ${pages}` : "";
  const text = `${found}${shown(data.live, "")} sessions${page}`;
  if ($("count").textContent !== text) $("count").textContent = text;
  $("earlier").disabled = data.page === 0;
  $("later").disabled = data.page + 1 >= pages;
}

// Charts.

const DRAWN = [
  { title: "Round trip", unit: "ms", keys: ["rtt", "rto"], names: ["RTT", "RTO"] },
  { title: "Rate", unit: "B/s", keys: ["in", "out"], names: ["in", "out"] },
  { title: "Sent again", unit: "share", keys: ["resent"], names: ["share"] },
  { title: "Window", unit: "B", keys: ["window", "inflight", "queue"],
    names: ["window", "in flight", "queue"] },
];

const COLOURS = ["#3b82f6", "#e0791b", "#8b5cf6"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function beginCharts() {
  charts.forEach((chart) => chart.plot.destroy());
  $("charts").replaceChildren();
  history = { times: [], values: {} };
  // All places first: each takes room from the others.
  const places = DRAWN.map(() => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const place = document.createElement("div");
    place.setAttribute("aria-hidden", "true");
    figure.append(caption, place);
    $("charts").append(figure);
    return { caption, place };
  });
  charts = DRAWN.map((drawn, number) => {
    const { caption, place } = places[number];
    const series = drawn.names.map((name, at) => ({
      label: name, stroke: COLOURS[at], width: 2, spanGaps: true, points: { show: false },
    }));
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
    const values = (_, ticks) => ticks.map((tick) => shown(tick, drawn.unit));
    const options = {
      width: Math.max(200, place.clientWidth),
      height: 170,
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_, least, most) => [0, (most || 1) * 1.1] } },
      series: [{}, ...series],
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`), size: 32 },
        { ...axis, values, size: 70 },
      ],
    };
    return { drawn, caption, place, plot: new uPlot(options, [[], ...drawn.keys.map(() => [])], place) };
  });
}

function draw(data) {
  const watched = data.watch;
  $("watch-state").textContent = watched ? "" : "This session has ended.";
  if (!watched) return;
  const at = Object.fromEntries(state.columns.map((column, number) => [column.key, number + 1]));
  history.times.push(data.time);
  if (history.times.length > KEPT) history.times.shift();
  const times = history.times.map((time) => Math.round(time - data.time));
  for (const chart of charts) {
    const { drawn } = chart;
    const lines = drawn.keys.map((key) => {
      const values = (history.values[key] ||= []);
      values.push(watched[at[key]]);
      if (values.length > KEPT) values.shift();
      return values;
    });
    chart.plot.setData([times, ...lines]);
    const now = drawn.keys.map((key, number) =>
      `${drawn.names[number]} ${shown(watched[at[key]], drawn.unit)}`);
    const rest = document.createElement("span");
    rest.textContent = ` ${now.join(", ")}`;
    chart.caption.replaceChildren(drawn.title, rest);
  }
}

function resizeCharts() {
  for (const chart of charts) {
    chart.plot.setSize({ width: Math.max(200, chart.place.clientWidth), height: 170 });
  }
}

// What the reader does.

function sortBy(column) {
  if (state.sort === column.key) {
    state.order = state.order === "up" ? "down" : "up";
  } else {
    state.sort = column.key;
    state.order = isNumber(column) ? "down" : "up";
  }
  state.page = 0;
  markSort();
  listen();
}

function watch(key) {
  state.watch = key;
  $("watch").hidden = key === "";
  if (key !== "") {
    $("watch-heading").textContent = `Session ${key}`;
    beginCharts();
  }
  listen();
}

function turn(pages) {
  state.page = Math.max(0, state.page + pages);
  listen();
}

// Events.

function say(text, kind) {
  if ($("connection").textContent !== text) $("connection").textContent = text;
  $("connection").className = kind;
}

function listen() {
  if (source) source.close();
  const { sort, order, find, page, watch } = state;
  source = new EventSource(`/events?${new URLSearchParams({ sort, order, find, page, watch })}`);
  source.addEventListener("columns", (event) => {
    const columns = JSON.parse(event.data);
    if (JSON.stringify(columns) !== JSON.stringify(state.columns)) {
      state.columns = columns;
      showHeadings();
    }
  });
  source.addEventListener("state", (event) => {
    const data = JSON.parse(event.data);
    state.heard = Date.now();
    say("Live", "good");
    showPorts(data.ports);
    showCount(data);
    showSessions(data.rows);
    showEnds(data.ends);
    if (state.watch) draw(data);
  });
  source.addEventListener("error", () => {
    say("The program does not answer. Trying again…", "bad");
    // Browsers try again by themselves, but not after an answer that refuses.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

let typing = 0;
$("find").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    state.find = $("find").value;
    state.page = 0;
    listen();
  }, 300);
});
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("earlier").addEventListener("click", () => turn(-1));
$("later").addEventListener("click", () => turn(1));
$("unwatch").addEventListener("click", () => watch(""));
addEventListener("resize", resizeCharts);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (state.watch) beginCharts();
});
setInterval(() => {
  if (state.heard && Date.now() - state.heard > SILENCE && source.readyState === EventSource.OPEN) {
    say("No news for a while", "bad");
  }
}, 1000);
listen();
