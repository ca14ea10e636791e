"use strict";
// The gallery page. All text reaches the page by textContent, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const items = data.items.map((item, index) =>
  ({ ...item, prompt: data.prompts[item.prompt], index }));
const byId = (id) => document.getElementById(id);
const storageKey = "nightjar:" + data.id;
const marks = new Map(readMarks());
let shown = [];
let at = 0;
let compared = null;

function readMarks() {
  try {
    return JSON.parse(localStorage.getItem(storageKey)) || [];
  } catch {
    return [];
  }
}

function writeMarks() {
  try {
    localStorage.setItem(storageKey, JSON.stringify([...marks]));
  } catch {
    // Storage may be closed to local pages: marks then last until reload.
  }
}

function element(tag, name, text) {
  const e = document.createElement(tag);
  if (name) e.className = name;
  if (text !== undefined) e.textContent = text;
  return e;
}

function pathOf(item) {
  return item.file.split("/").map(encodeURIComponent).join("/");
}

function settingsOf(item) {
  return item.settings >= 0 ? data.settings[item.settings] : {};
}

function recordOf(item) {
  const { record, ...settings } = settingsOf(item);
  const all = { prompt: item.prompt, seed: item.seed, ...settings };
  if (record || item.own) all.record = { ...record, ...item.own };
  if (item.score !== undefined) all.score = item.score;
  return all;
}

// What a filter's name=value looks at; the record is not built for it.
function valueOf(item, key) {
  const settings = settingsOf(item);
  return item[key] ?? item.own?.[key] ?? settings[key] ?? settings.record?.[key];
}

// Words must all occur; name=value and score>0.2 look at the settings.
function matches(item, words) {
  const text = (item.prompt + " " + item.file).toLowerCase();
  return words.every((word) => {
    const m = /^([a-z_-]+)(=|>|<)(.+)$/.exec(word);
    if (!m) return text.includes(word);
    const have = valueOf(item, m[1].replaceAll("-", "_"));
    if (have === undefined) return false;
    if (m[2] === "=") return String(have).toLowerCase() === m[3];
    return m[2] === ">" ? Number(have) > Number(m[3])
      : Number(have) < Number(m[3]);
  });
}

const lossOf = (item) => item.own?.clip_loss ?? Infinity;
const orders = {
  name: (a, b) => a.index - b.index,
  loss: (a, b) => lossOf(a) - lossOf(b) || a.index - b.index,
  score: (a, b) => (b.score ?? -1e9) - (a.score ?? -1e9) || a.index - b.index,
  prompt: (a, b) => a.prompt.localeCompare(b.prompt) || a.index - b.index,
  seed: (a, b) => a.seed.length - b.seed.length ||
    (a.seed === b.seed ? a.index - b.index : a.seed < b.seed ? -1 : 1),
};

function refresh() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const prompt = byId("prompt").value;
  const mark = byId("mark").value;
  shown = items.filter((item) =>
    (prompt === "" || item.prompt === data.prompts[Number(prompt)]) &&
    (mark === "" || (marks.get(item.file) || "open") === mark) &&
    matches(item, words));
  shown.sort(orders[byId("order").value]);
  at = 0;
  draw();
}

// Made once: filtering and sorting only put them in place.
function card(item) {
  if (item.card) return item.card;
  const b = element("button", "card");
  const img = element("img");
  img.loading = "lazy";
  img.decoding = "async";
  img.alt = item.prompt;
  img.src = pathOf(item);
  const score = item.score === undefined ? "" : "  score " +
    item.score.toFixed(3);
  b.append(img, element("div", "text", item.prompt),
    element("div", "seed", (item.seed ? "seed " + item.seed : "") + score));
  b.addEventListener("click", () => open(shown.indexOf(item)));
  item.card = b;
  paint(item);
  return b;
}

function paint(item) {
  const mark = marks.get(item.file);
  item.card.classList.toggle("keep", mark === "keep");
  item.card.classList.toggle("reject", mark === "reject");
}

function draw() {
  byId("grid").querySelector("[aria-current]")
    ?.removeAttribute("aria-current");
  byId("grid").replaceChildren(...shown.map(card));
  select(0, false);
  count();
}

function count() {
  const kept = [...marks.values()].filter((m) => m === "keep").length;
  byId("count").textContent =
    shown.length + " of " + items.length + ", kept " + kept;
  byId("export").disabled = kept === 0;
}

function select(position, focus) {
  if (shown.length === 0) return;
  shown[at]?.card.removeAttribute("aria-current");
  at = Math.max(0, Math.min(shown.length - 1, position));
  shown[at].card.setAttribute("aria-current", "true");
  if (focus) {
    shown[at].card.focus({ preventScroll: true });
    shown[at].card.scrollIntoView({ block: "nearest" });
  }
}

function setMark(mark) {
  if (shown.length === 0) return;
  const item = shown[at];
  if (marks.get(item.file) === mark) marks.delete(item.file);
  else marks.set(item.file, mark);
  writeMarks();
  paint(item);
  count();
}

function side(item) {
  const s = element("div", "side");
  const img = element("img");
  img.alt = item.prompt;
  img.src = pathOf(item);
  s.append(img, element("p", "", item.prompt),
    element("p", "seed", (item.seed ? "seed " + item.seed : item.file) +
      (marks.has(item.file) ? "  (" + marks.get(item.file) + ")" : "")),
    element("pre", "", JSON.stringify(recordOf(item), null, 1)));
  return s;
}

function show() {
  const sides = [side(shown[at])];
  if (compared && compared !== shown[at]) sides.unshift(side(compared));
  byId("sides").replaceChildren(...sides);
}

function open(position) {
  select(position, false);
  show();
  // The view itself has the focus, so that Enter closes it again.
  if (!byId("view").open) byId("view").showModal(), byId("view").focus();
}

function step(by) {
  select(at + by, true);
  if (byId("view").open) show();
}

function columns() {
  return getComputedStyle(byId("grid")).gridTemplateColumns.split(" ").length;
}

function mark(name) {
  setMark(name);
  if (byId("view").open) show();
}

function compare() {
  compared = compared ? null : shown[at];
  if (byId("view").open) show();
}

function exportKeeps() {
  const names = items.filter((i) => marks.get(i.file) === "keep")
    .map((i) => i.file);
  const blob = new Blob([names.join("\n") + "\n"], { type: "text/plain" });
  const a = element("a");
  a.href = URL.createObjectURL(blob);
  a.download = "picks.txt";
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

const keys = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  ArrowDown: () => step(byId("view").open ? 1 : columns()),
  ArrowUp: () => step(byId("view").open ? -1 : -columns()),
  n: () => step(1), p: () => step(-1),
  k: () => mark("keep"), x: () => mark("reject"), c: compare,
  e: exportKeeps,
  Enter: () => (byId("view").open ? byId("view").close() : open(at)),
  "/": () => byId("find").focus(),
};

function onKey(event) {
  const typing = event.target.matches("input, select");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.matches(".bar button, header button"))
    return;
  const act = keys[event.key];
  if (!act || shown.length === 0) return;
  event.preventDefault();
  act();
}

function start() {
  document.title = data.title;
  byId("title").textContent = data.title;
  byId("prompt").append(...data.prompts.map((text, i) => {
    const o = element("option", "", text.length > 60
      ? text.slice(0, 57) + "..." : text);
    o.value = String(i);
    return o;
  }));
  for (const id of ["prompt", "mark", "order"])
    byId(id).addEventListener("change", refresh);
  // A choice of scores is no use where no picture has one.
  if (!items.some((i) => i.score !== undefined))
    byId("order").querySelector("[value=score]").remove();
  byId("find").addEventListener("input", refresh);
  byId("export").addEventListener("click", exportKeeps);
  byId("keep").addEventListener("click", () => mark("keep"));
  byId("reject").addEventListener("click", () => mark("reject"));
  byId("compare").addEventListener("click", compare);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => byId("view").close());
  document.addEventListener("keydown", onKey);
  refresh();
}

start();
