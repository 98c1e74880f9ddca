"use strict";
// The page of a graph. The coordinates are found as in layout.py: change both.
const DATA = JSON.parse(document.getElementById("data").textContent);
const GAP = 18, BEND_GAP = 9, ROW_GAP = 30, INSIDE = 10, TITLE = 22, LINE = 14, ROUNDS = 16, WEAK = 1e-3;
const CLOSED_HEIGHT = 40;
const isClosed = {};
for (const name of Object.keys(DATA.groups)) isClosed[name] = DATA.closed;
const get = (id) => document.getElementById(id);
const picture = get("picture"), world = get("world"), details = get("details"), slider = get("slider");
let step = 0, chosen = "", placed = {}, drawnBoxes = {}, drawnGroups = {}, drawnArrows = {};
let layout = null, view = { x: 0, y: 0, scale: 1 };

// ---- coordinates

function spaced(wished, weights, gaps) {
  const shifts = [0], blocks = [];
  for (const gap of gaps) shifts.push(shifts[shifts.length - 1] + gap);
  wished.forEach((x, i) => {
    let mean = x - shifts[i], weight = weights[i], n = 1;
    while (blocks.length && blocks[blocks.length - 1][0] >= mean) {
      const [its, w, items] = blocks.pop();
      mean = (mean * weight + its * w) / (weight + w);
      weight += w;
      n += items;
    }
    blocks.push([mean, weight, n]);
  });
  const found = [];
  for (const [mean, , n] of blocks) for (let k = 0; k < n; k++) found.push(mean + shifts[found.length]);
  return found;
}

function gapsOf(level, row, widths) {
  const isBox = row.map((i) => level.items[i][0] === "box" || level.items[i][0] === "group");
  return row.slice(0, -1).map((i, k) => widths[i] + (isBox[k] && isBox[k + 1] ? GAP : BEND_GAP));
}

function attachment(level, widths, i, side, net) {
  const [kind, name] = level.items[i];
  if (kind === "group" && !isClosed[name]) {
    const x = placed[name].ports[side + " " + net];
    if (x !== undefined) return x;
  }
  return widths[i] / 2;
}

function place(name) {
  const level = DATA.levels[name], n = level.items.length;
  const sizes = level.items.map(([kind, item]) => {
    if (kind === "box") return [DATA.boxes[item].width, DATA.boxes[item].height];
    if (kind !== "group") return [0, 0];
    if (isClosed[item]) return [Math.max(DATA.groups[item].width, 90), CLOSED_HEIGHT];
    place(item);
    return [placed[item].width, placed[item].height];
  });
  const widths = sizes.map((size) => size[0]);
  const lefts = new Array(n).fill(0);
  for (const row of level.rows) {
    if (!row.length) continue;
    const gaps = gapsOf(level, row, widths);
    for (let k = 1; k < row.length; k++) lefts[row[k]] = lefts[row[k - 1]] + gaps[k - 1];
    const last = row[row.length - 1], half = (lefts[last] + widths[last]) / 2;
    for (const i of row) lefts[i] -= half;
  }
  straighten(level, lefts, widths);
  const least = lefts.reduce((a, b) => Math.min(a, b), n ? Infinity : 0);
  const heights = level.rows.map((row) => row.reduce((most, i) => Math.max(most, sizes[i][1]), 0));
  const tops = [];
  let y = 0;
  for (const height of heights) {
    tops.push(y);
    y += height + ROW_GAP;
  }
  let width = 0;
  for (let i = 0; i < n; i++) {
    lefts[i] -= least;
    width = Math.max(width, lefts[i] + widths[i]);
  }
  let height = Math.max(y - ROW_GAP, 0), shift = 0;
  if (name) {
    const extra = Math.max(DATA.groups[name].width - width - 2 * INSIDE, 0) / 2;
    shift = INSIDE + extra;
    width += 2 * shift;
    height += TITLE + INSIDE;
  }
  const ports = {};
  level.items.forEach(([kind, net], i) => {
    lefts[i] += shift;
    if (kind === "in" || kind === "out") ports[kind + " " + net] = lefts[i];
  });
  placed[name] = { width, height, lefts, tops, heights, sizes, ports };
}

function straighten(level, lefts, widths) {
  const above = level.items.map(() => []), below = level.items.map(() => []);
  const fromEach = {}, toEach = {};
  for (const [a, b] of level.segments) {
    fromEach[a] = (fromEach[a] || 0) + 1;
    toEach[b] = (toEach[b] || 0) + 1;
  }
  for (const [a, b, net] of level.segments) {
    const bends = (level.items[a][0] === "bend") + (level.items[b][0] === "bend");
    let weight = [1, 2, 8][bends];
    if (fromEach[a] === 1 && toEach[b] === 1) weight = 8;
    else if (!toEach[a]) weight = 0.25;
    const out = attachment(level, widths, a, "out", net), into = attachment(level, widths, b, "in", net);
    above[b].push([a, out - into, weight]);
    below[a].push([b, into - out, weight]);
  }
  const gaps = level.rows.map((row) => gapsOf(level, row, widths));
  for (let turn = 0; turn < ROUNDS; turn++) {
    const down = turn % 2 === 0;
    const near = turn >= ROUNDS - 6 ? [above, below] : down ? [above] : [below];
    for (let j = 0; j < level.rows.length; j++) {
      const k = down ? j : level.rows.length - 1 - j;
      const wished = [], weights = [];
      for (const i of level.rows[k]) {
        let total = WEAK * lefts[i], weight = WEAK;
        for (const side of near) {
          for (const [other, shift, w] of side[i]) {
            total += w * (lefts[other] + shift);
            weight += w;
          }
        }
        wished.push(total / weight);
        weights.push(weight);
      }
      spaced(wished, weights, gaps[k]).forEach((x, p) => { lefts[level.rows[k][p]] = x; });
    }
  }
}

function enter(found, name, x, y) {
  const level = DATA.levels[name], here = placed[name], rowOf = {}, corners = [];
  if (name) found.groups[name] = { x, y, width: here.width, height: here.height };
  const top = y + (name ? TITLE : 0);
  level.rows.forEach((row, k) => { for (const i of row) rowOf[i] = k; });
  level.items.forEach(([kind, item], i) => {
    const k = rowOf[i], width = here.sizes[i][0];
    const height = kind === "bend" ? here.heights[k] : here.sizes[i][1];
    const corner = { x: x + here.lefts[i], y: top + here.tops[k] + (here.heights[k] - height) / 2, width, height };
    corners.push(corner);
    if (kind === "box") found.boxes[item] = corner;
    else if (kind === "group" && isClosed[item]) found.groups[item] = corner;
    else if (kind === "group") enter(found, item, corner.x, corner.y);
  });
  const widths = here.sizes.map((size) => size[0]);
  for (const [a, b, net] of [...level.segments, ...level.straight]) {
    const kinds = [level.items[a][0], level.items[b][0]];
    let start = corners[a].y + (kinds[0] === "bend" ? 0 : corners[a].height), end = corners[b].y;
    if (kinds[0] === "in") start = y;
    if (kinds[1] === "out") end = y + here.height;
    found.courses.push({
      net, x: corners[a].x + attachment(level, widths, a, "out", net), y: start,
      bottom: Math.max(top + here.tops[rowOf[a]] + here.heights[rowOf[a]], start), top: top + here.tops[rowOf[b]],
      endX: corners[b].x + attachment(level, widths, b, "in", net), endY: end,
      head: kinds[1] === "box" || (kinds[1] === "group" && isClosed[level.items[b][1]]),
    });
  }
}

function layOut() {
  placed = {};
  place("");
  layout = { width: placed[""].width, height: placed[""].height, boxes: {}, groups: {}, courses: [] };
  enter(layout, "", 0, 0);
}

// ---- drawing: texts are set as texts, never as markup

function make(name, attributes, parent, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

function draw() {
  layOut();
  const sheet = document.createDocumentFragment();
  drawnBoxes = {};
  drawnGroups = {};
  drawnArrows = {};
  for (const name of Object.keys(DATA.groups)) if (layout.groups[name] && !isClosed[name]) drawGroup(sheet, name);
  const paths = {};
  let heads = "";
  for (const c of layout.courses) {
    const end = c.head ? c.endY - 3 : c.endY, middle = (c.bottom + c.top) / 2;
    paths[c.net] = (paths[c.net] || "") + (Math.abs(c.x - c.endX) < 0.05
      ? `M${c.x} ${c.y}V${end}`
      : `M${c.x} ${c.y}V${c.bottom}C${c.x} ${middle} ${c.endX} ${middle} ${c.endX} ${c.top}V${end}`);
    if (c.head) heads += `M${c.endX} ${c.endY}l-3.2 -7h6.4z`;
  }
  for (const net of Object.keys(paths)) drawnArrows[net] = make("path", { class: "arrow", d: paths[net] }, sheet);
  make("path", { class: "head", d: heads }, sheet);
  for (const name of Object.keys(layout.boxes)) drawBox(sheet, name);
  for (const name of Object.keys(DATA.groups)) if (layout.groups[name] && isClosed[name]) drawGroup(sheet, name);
  world.replaceChildren(sheet);
}

function frame(at, radius, kind) {
  return { x: at.x, y: at.y, width: at.width, height: at.height, rx: radius, class: kind };
}

function drawGroup(sheet, name) {
  const group = DATA.groups[name], at = layout.groups[name], closed = isClosed[name];
  const g = make("g", {
    class: "group", tabindex: 0, role: "button", "aria-expanded": String(!closed), "data-group": name,
    "aria-label": `${group.title}, ${group.count} boxes`,
  }, sheet);
  make("rect", frame(at, 8, closed ? group.kind : "around"), g);
  if (closed) {
    make("text", { x: at.x + at.width / 2, y: at.y + 17, class: "first" }, g, "▸ " + group.title);
    make("text", { x: at.x + at.width / 2, y: at.y + 31 }, g, `${group.count} boxes`);
  } else {
    make("text", { x: at.x + 10, y: at.y + TITLE - 7, class: "title" }, g, "▾ " + group.title);
  }
  g.addEventListener("click", () => toggle(name));
  g.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle(name);
    }
  });
  drawnGroups[name] = g;
}

function drawBox(sheet, name) {
  const box = DATA.boxes[name], at = layout.boxes[name], middle = at.x + at.width / 2;
  const g = make("g", { class: "box" + (box.marked ? " marked" : ""), "data-box": name }, sheet);
  make("rect", frame(at, box.round ? 12 : 3, box.kind), g);
  const lines = box.lines.length + (box.values ? 2 : 0);
  const first = at.y + (at.height - LINE * lines) / 2 + LINE - 3.5;
  box.lines.forEach((line, i) => {
    make("text", { x: middle, y: first + i * LINE, class: i === 0 && box.lines.length > 1 ? "first" : "" }, g, line);
  });
  if (box.values) {
    const y = first + box.lines.length * LINE;
    g.valueText = make("text", { x: middle, y, class: "value" }, g, "");
    g.gradientText = make("text", { x: middle, y: y + LINE, class: "gradient" }, g, "");
  }
  g.addEventListener("click", () => {
    if (dragged) return;
    chosen = chosen === name ? "" : name;
    show();
  });
  drawnBoxes[name] = g;
}

function toggle(name) {
  if (dragged) return;
  const before = layout.groups[name];
  isClosed[name] = !isClosed[name];
  draw();
  const after = layout.groups[name];  // it stays where it was on the screen
  view.x += (before.x + before.width / 2 - after.x - after.width / 2) * view.scale;
  view.y += (before.y - after.y) * view.scale;
  show();
  drawnGroups[name].focus();
}

function setAll(closed) {
  for (const name of Object.keys(isClosed)) isClosed[name] = closed;
  draw();
  fit();
  show();
}

// ---- steps

function known() {
  const values = {}, gradients = {};
  for (let k = 0; k <= step && k < DATA.steps.length; k++) {
    Object.assign(values, DATA.steps[k].values);
    Object.assign(gradients, DATA.steps[k].gradients);
  }
  return { values, gradients };
}

function show() {
  const { values, gradients } = known();
  const now = DATA.steps[step], isStepped = DATA.steps.length > 0;
  for (const name of Object.keys(drawnBoxes)) {
    const g = drawnBoxes[name], value = values[name], gradient = gradients[name];
    if (g.valueText) {
      g.valueText.textContent = value ? "= " + value[0] : "";
      g.gradientText.textContent = gradient ? "∂ " + gradient[0] : "";
    }
    const isKnown = !isStepped || !DATA.boxes[name].values || Boolean(value);
    g.classList.toggle("later", !isKnown);
    g.classList.toggle("now", Boolean(now) && now.box === name);
    g.classList.toggle("chosen", chosen === name);
  }
  const current = now && now.box ? visible(now.box) : null;
  for (const name of Object.keys(drawnGroups)) drawnGroups[name].classList.toggle("now", current === drawnGroups[name]);
  for (const net of Object.keys(drawnArrows)) drawnArrows[net].classList.toggle("now", Boolean(now) && now.box === net);
  if (isStepped) {
    slider.value = String(step);
    get("first").disabled = get("back").disabled = step === 0;
    get("last").disabled = get("forward").disabled = step === DATA.steps.length - 1;
    get("status").textContent = `Step ${step} of ${DATA.steps.length - 1}, ${now.phase}: ${now.text}. ${DATA.note}`;
  }
  tell(now, values, gradients);
  move();
}

function tell(now, values, gradients) {
  details.replaceChildren();
  const write = (tag, text, kind) => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (kind) element.className = kind;
    details.appendChild(element);
  };
  const of = (name) => DATA.boxes[name].lines.join(", ");
  if (chosen) {
    write("h2", of(chosen));
    if (values[chosen]) {
      write("h3", "value");
      write("pre", values[chosen][1]);
    }
    if (gradients[chosen]) {
      write("h3", "gradient so far", "gradient");
      write("pre", gradients[chosen][1]);
    }
    if (!values[chosen] && !gradients[chosen]) write("h3", "nothing is known of it at this step");
    return;
  }
  if (!now) {
    write("h2", DATA.title);
    write("h3", "Choose a box, or open a group.");
    return;
  }
  write("h2", now.text);
  for (const name of Object.keys(now.values)) {
    write("h3", "value of " + of(name));
    write("pre", now.values[name][1]);
  }
  for (const name of Object.keys(now.gradients)) {
    write("h3", "gradient so far with respect to " + of(name), "gradient");
    write("pre", now.gradients[name][1]);
  }
}

function visible(box) {
  let element = drawnBoxes[box], name = "";
  for (const [level, { items }] of Object.entries(DATA.levels)) {
    if (!element && items.some(([kind, item]) => kind === "box" && item === box)) name = level;
  }
  while (!element && name) {
    element = drawnGroups[name];
    name = DATA.groups[name].parent;
  }
  return element || null;
}

function go(to) {
  const next = Math.min(Math.max(to, 0), DATA.steps.length - 1);
  if (next === step || next < 0) return;
  step = next;
  show();
  follow();
}

function follow() {
  const now = DATA.steps[step], element = now && now.box ? visible(now.box) : null;
  if (!element) return;
  const at = element.getBoundingClientRect(), around = picture.getBoundingClientRect();
  if (at.left >= around.left && at.right <= around.right && at.top >= around.top && at.bottom <= around.bottom) return;
  view.x += around.left + around.width / 2 - at.left - at.width / 2;
  view.y += around.top + around.height / 2 - at.top - at.height / 2;
  move();
}

// ---- zoom and pan

function move() {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function fit() {
  const around = picture.getBoundingClientRect(), margin = 16;
  const across = (around.width - 2 * margin) / Math.max(layout.width, 1);
  const down = (around.height - 2 * margin) / Math.max(layout.height, 1);
  // a text that nobody can read is of no use: a long graph begins with its upper end
  view.scale = Math.min(1.25, Math.max(Math.min(across, down), Math.min(across, 0.75), 0.25));
  view.x = (around.width - layout.width * view.scale) / 2;
  view.y = Math.max(margin, (around.height - layout.height * view.scale) / 2);
  move();
}

function zoom(factor, x, y) {
  const scale = Math.min(Math.max(view.scale * factor, 0.05), 8);
  view.x = x - (x - view.x) * (scale / view.scale);
  view.y = y - (y - view.y) * (scale / view.scale);
  view.scale = scale;
  move();
}

function zoomMiddle(factor) {
  const around = picture.getBoundingClientRect();
  zoom(factor, around.width / 2, around.height / 2);
}

const pointers = new Map();
let dragged = false;
picture.addEventListener("pointerdown", (event) => {
  if (!pointers.size) dragged = false;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
window.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const others = [...pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
  const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  dragged = true;
  picture.classList.add("dragged");
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  if (others.length) {
    const [x, y] = others[0], around = picture.getBoundingClientRect();
    const was = Math.hypot(before[0] - x, before[1] - y), is = Math.hypot(event.clientX - x, event.clientY - y);
    if (was > 1) zoom(is / was, x - around.left, y - around.top);
  } else {
    view.x += dx;
    view.y += dy;
    move();
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  window.addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    picture.classList.remove("dragged");
  });
}
picture.addEventListener("wheel", (event) => {
  event.preventDefault();
  const around = picture.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - around.left, event.clientY - around.top);
}, { passive: false });

// ---- controls

const keys = {
  ArrowLeft: () => go(step - 1), ArrowRight: () => go(step + 1), Home: () => go(0),
  End: () => go(DATA.steps.length - 1), "+": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), "0": fit,
  Escape: () => { chosen = ""; show(); },
};
window.addEventListener("keydown", (event) => {
  if (event.target === slider || event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
get("first").addEventListener("click", keys.Home);
get("back").addEventListener("click", keys.ArrowLeft);
get("forward").addEventListener("click", keys.ArrowRight);
get("last").addEventListener("click", keys.End);
get("closer").addEventListener("click", keys["+"]);
get("farther").addEventListener("click", keys["-"]);
get("fit").addEventListener("click", fit);
get("open").addEventListener("click", () => setAll(false));
get("close").addEventListener("click", () => setAll(true));
slider.addEventListener("input", () => go(Number(slider.value)));
window.addEventListener("resize", fit);

slider.max = String(Math.max(DATA.steps.length - 1, 0));
get("steps").hidden = !DATA.steps.length;
get("open").hidden = get("close").hidden = !Object.keys(DATA.groups).length;
draw();
fit();
show();
