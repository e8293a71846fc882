"use strict";
// Two independent parts: sorting and filtering of tables, and the viewer of samples. Foreign text enters the page as
// text nodes only; no markup is ever made from it.
(() => {
const find = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function button(text, act, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

// Control characters and marks that reorder a line are shown as signs, as the command line shows them.
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function visible(text) {
  return text.replace(STEERING, (sign) => {
    const code = sign.charCodeAt(0);
    if (code < 32) return String.fromCharCode(0x2400 + code);
    return `⟦U+${code.toString(16).toUpperCase().padStart(4, "0")}⟧`;
  });
}

// --- tables

function tables() {
  document.querySelectorAll("table.board").forEach(sortable);
  const filters = find("filters");
  filters.hidden = false;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", narrow);
  narrow();
}

function sortable(table) {
  table.querySelectorAll("th[data-sort]").forEach((head) => {
    const label = head.querySelector(".label");
    label.replaceChildren(button(label.textContent, () => sort(table, head), { class: "sort", title: "Sort by this" }));
  });
}

function sort(table, head) {
  const text = head.dataset.sort === "text";
  const first = text || head.dataset.better === "-1" ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  table.querySelectorAll("th[aria-sort]").forEach((old) => old.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const value = (row) => (text ? row.cells[0].textContent : parseFloat(row.cells[head.cellIndex].dataset.value));
  const rows = [...table.tBodies[0].rows].map((row) => [row, value(row)]);
  rows.sort(([, a], [, b]) => {
    if (text) return sign * a.localeCompare(b);
    return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : sign * (a - b);
  });
  table.tBodies[0].append(...rows.map(([row]) => row));
}

function narrow() {
  const models = find("models").value.trim().toLowerCase();
  const benchmarks = find("benchmarks").value.trim().toLowerCase();
  const published = !find("published") || find("published").checked;
  let shown = 0;
  document.querySelectorAll("table.board").forEach((table) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const kept = heads.map((h, n) => !n || `${h.textContent} ${h.dataset.category}`.toLowerCase().includes(benchmarks));
    for (const row of table.tBodies[0].rows) {
      const named = row.cells[0].textContent.toLowerCase().includes(models);
      row.hidden = !named || (row.classList.contains("published") && !published);
      shown += !row.hidden;
    }
    for (const row of [...table.tBodies[0].rows, heads[0].parentElement]) {
      [...row.cells].forEach((cell, n) => { cell.hidden = !kept[n]; });
    }
    table.closest("section").hidden = kept.filter(Boolean).length < 2;
    bands(table, kept);
  });
  find("count").textContent = models || benchmarks || !published ? `${shown} rows` : "";
}

function bands(table, kept) {
  const row = table.querySelector(".bands");
  if (!row) return;
  let start = 1;
  for (const band of [...row.cells].slice(1)) {
    const width = Number(band.dataset.width || band.colSpan);
    band.dataset.width = width;
    const left = kept.slice(start, start + width).filter(Boolean).length;
    band.hidden = !left;
    band.colSpan = left || 1;
    start += width;
  }
}

// --- samples

const PAGE = 100; // rows of the list at a time
const LONG = 4000; // characters of a text shown before it is asked for
const HELD = 6; // opened blocks kept in memory
const WORDS = {
  1: ["✓", "right", "right"], 0: ["✗", "wrong", "wrong"], p: ["◐", "right in part", "unsure"],
  u: ["?", "unparsed", "unsure"], e: ["!", "failed", "wrong"], "-": ["·", "not in this run", "faint"],
};

async function unpacked(node) {
  const bytes = Uint8Array.from(atob(node.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function viewer() {
  if (!("DecompressionStream" in window)) {
    find("main").append(element("p", {}, "This browser cannot open compressed data; use one from 2023 or later."));
    return;
  }
  const index = await unpacked(find("index"));
  const nodes = document.querySelectorAll("script.block");
  const opened = new Map();
  const state = { sample: "", show: "", model: "", group: "", q: "" };
  const places = new Map(index.ids.map((id, n) => [id, n]));
  let found = []; // positions that pass the filters, ascending
  let page = 0;
  let search = 0; // the latest search; an older one stops when it sees another number

  async function block(number) {
    const held = opened.get(number) || unpacked(nodes[number]);
    opened.delete(number);
    opened.set(number, held);
    if (opened.size > HELD) opened.delete(opened.keys().next().value);
    return held;
  }

  function blockOf(position) {
    let low = 0;
    let high = index.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (index.starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // --- which samples

  function passes(n) {
    const group = state.group ? index.groups.indexOf(state.group) : -1;
    if (state.group && !index.members[n].includes(group)) return false;
    const chosen = index.models.findIndex((model) => model.name === state.model);
    const marks = chosen < 0 ? index.marks[n] : index.marks[n][chosen];
    switch (state.show) {
      case "wrong": return /[0pue]/.test(marks);
      case "unparsed": return marks.includes("u");
      case "failed": return marks.includes("e");
      case "right": return marks.includes("1");
      case "apart": return new Set(index.marks[n].replace(/-/g, "")).size > 1;
      default: return true;
    }
  }

  async function filter() {
    const mine = ++search;
    const words = state.q.trim().toLowerCase();
    const candidates = index.ids.map((_, n) => n).filter(passes);
    if (!words) {
      found = candidates;
      list();
      return;
    }
    found = [];
    list("searching ...");
    for (let number = 0; number < index.starts.length; number++) {
      const end = index.starts[number + 1] ?? index.ids.length;
      const here = candidates.filter((n) => n >= index.starts[number] && n < end);
      if (!here.length) continue;
      const samples = await unpacked(nodes[number]);
      if (mine !== search) return;
      const before = found.length;
      found.push(...here.filter((n) => contains(samples[n - index.starts[number]], n, words)));
      if (found.length > before || number % 8 === 0) list(`searching ... ${Math.round((100 * end) / index.ids.length)} %`);
    }
    list();
  }

  function contains(sample, n, words) {
    if (index.ids[n].toLowerCase().includes(words) || index.questions[n].toLowerCase().includes(words)) return true;
    const texts = [...sample.answers];
    for (const run of sample.runs) if (run) for (const reply of run.replies) if (reply) texts.push(reply.text || "");
    for (const views of sample.prompts) for (const view of views) for (const [, parts] of view) texts.push(...parts);
    return texts.some((text) => typeof text === "string" && text.toLowerCase().includes(words));
  }

  // --- the list

  function address(sample) {
    const kept = Object.entries({ ...state, sample }).filter(([, value]) => value);
    return `#${new URLSearchParams(kept)}`;
  }

  function list(progress) {
    page = Math.min(page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
    const rows = found.slice(page * PAGE, (page + 1) * PAGE).map(row);
    find("items").replaceChildren(...rows);
    const all = index.ids.length;
    find("count").textContent = `${found.length === all ? all : `${found.length} of ${all}`} samples` +
      (progress ? `, ${progress}` : "");
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    find("page").textContent = `${page + 1} / ${pages}`;
    find("earlier").disabled = page === 0;
    find("later").disabled = page >= pages - 1;
  }

  function row(n) {
    const current = index.ids[n] === state.sample;
    return element("li", {}, element("a", { href: address(index.ids[n]), "aria-current": current && "true" },
      element("span", { class: "id" }, visible(index.ids[n])), marks(n),
      element("span", { class: "ask", dir: "auto" }, visible(index.questions[n]))));
  }

  function marks(n) {
    const said = [...index.marks[n]].map((mark, m) => `${index.models[m].title}: ${WORDS[mark][1]}`).join(", ");
    return element("span", { class: "marks", role: "img", "aria-label": said, title: said },
      ...[...index.marks[n]].map((mark) => element("span", { class: WORDS[mark][2] }, WORDS[mark][0])));
  }

  // --- one sample

  async function open(id) {
    const n = places.get(id);
    document.body.toggleAttribute("data-open", n !== undefined);
    if (n === undefined) {
      const text = id ? `There is no sample ${visible(id)} here.` : "Choose a sample.";
      find("sample").replaceChildren(element("p", { class: "faint" }, text), keys());
      return;
    }
    const number = blockOf(n);
    const sample = (await block(number))[n - index.starts[number]];
    if (state.sample !== id) return; // another one was chosen meanwhile
    find("sample").replaceChildren(...shown(sample, n));
    window.scrollTo(0, 0);
  }

  function keys() {
    const key = (name) => element("kbd", {}, name);
    return element("p", { class: "faint" }, key("j"), " ", key("→"), " next, ", key("k"), " ", key("←"),
      " previous, ", key("/"), " search");
  }

  function shown(sample, n) {
    const back = button("Back to the list", () => { location.hash = address(""); }, { class: "back" });
    const groups = index.members[n].map((member) => visible(index.groups[member])).join(" · ");
    const answers = sample.answers.map((answer) => named(answer, sample)).join(" | ");
    const asked = sample.prompts.length ? sample.prompts : null;
    return [
      back,
      element("h2", {}, element("a", { href: `#${new URLSearchParams({ sample: index.ids[n] })}` }, visible(index.ids[n]))),
      groups ? element("p", { class: "faint" }, groups) : null,
      ...(asked ? asked.flatMap((views, p) => prompt(views, sample, p)) : [element("p", { class: "missing" }, "It was never asked.")]),
      element("h3", {}, "Gold answer"),
      text(answers || "none known"),
      element("h3", {}, "Replies"),
      ...sample.runs.map((run, m) => reply(run, index.models[m], index.marks[n][m], sample)),
    ].filter(Boolean);
  }

  function named(answer, sample) {
    const place = answer.length === 1 ? answer.charCodeAt(0) - 65 : -1;
    const choice = sample.choices[place];
    if (choice === undefined) return answer;
    return choice.startsWith(`${answer}.`) ? choice : `${answer}  (${choice})`;
  }

  function prompt(views, sample, number) {
    const who = index.models.filter((_, m) => sample.runs[m] && sample.runs[m].prompt === number);
    const to = sample.prompts.length > 1 ? ` to ${who.map((model) => model.title).join(", ")}` : "";
    // What a recorded reply was asked is known to whoever recorded it.
    const title = who.every((model) => model.recorded) ? "Prompt of the task, for recorded replies" : `Prompt as sent${to}`;
    return views.flatMap((view, v) => [
      element("h3", {}, visible(views.length > 1 ? `${title}, ${v + 1} of ${views.length}` : title)),
      ...view.map(([role, parts]) => element("div", { class: "turn" }, element("span", { class: "role" }, role),
        ...parts.map((part) => (typeof part === "string" ? text(part) : picture(sample.media[part], part))))),
    ]);
  }

  function picture(thumbnails, number) {
    const film = thumbnails.length > 1;
    return element("div", { class: film ? "media film" : "media" }, ...thumbnails.map((one) => {
      const caption = [`${film ? "video" : "picture"} ${number + 1}`, one.caption].filter(Boolean).join(": ");
      if (!one.src) return element("div", { class: "missing" }, caption);
      return element("figure", {}, element("img", { src: one.src, alt: caption, loading: "lazy", decoding: "async" }),
        element("figcaption", {}, caption));
    }));
  }

  function text(whole) {
    const shownText = visible(whole.slice(0, LONG));
    const made = element("pre", { dir: "auto" }, shownText);
    if (whole.length <= LONG) return made;
    const more = button(`Show all ${whole.length.toLocaleString("en")} characters`, () => {
      made.textContent = visible(whole);
      more.remove();
    });
    return element("div", {}, made, more);
  }

  function reply(run, model, mark, sample) {
    const [glyph, word, tone] = WORDS[mark];
    const head = element("header", {}, element("a", { href: model.page }, visible(model.title)),
      element("span", { class: tone }, `${glyph} ${word}`));
    if (!run) return element("section", { class: "reply" }, head);
    const { answer, target, value, error, fallback } = run.score;
    const read = answer === null || answer === undefined ? "nothing" : `“${visible(named(answer, sample)).slice(0, 300)}”`;
    const facts = [`read ${read}`, `gold “${visible(named(target, sample)).slice(0, 300)}”`,
      `score ${Number(value.toFixed(4))}`, `rule ${model.rule}`, fallback ? "by the policy for unparsed replies" : ""];
    return element("section", { class: "reply" }, head,
      error ? element("p", { class: "wrong" }, visible(error)) : null,
      ...run.replies.map((one) => (one ? text(one.text || "") : element("p", { class: "missing" }, "No reply in the log."))),
      element("p", { class: "meta" }, facts.filter(Boolean).join(" · ")),
      ...run.replies.filter(Boolean).map((one) => element("p", { class: "meta key" }, details(one))));
  }

  function details(one) {
    const tokens = one.tokens ? `${one.tokens} tokens` : "";
    const seconds = one.seconds ? `${one.seconds.toFixed(2)} s` : "";
    const end = one.finish === "length" ? "cut off at its limit" : "";
    return [end, tokens, seconds, `key ${one.key}`].filter(Boolean).join(" · ");
  }

  // --- from the address to the page, and back

  const inputs = { q: find("search"), show: find("show"), model: find("model"), group: find("group") };

  function read() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const before = JSON.stringify({ ...state, sample: "" });
    for (const name of Object.keys(state)) state[name] = wanted.get(name) || "";
    for (const [name, input] of Object.entries(inputs)) if (input.value !== state[name]) input.value = state[name];
    return JSON.stringify({ ...state, sample: "" }) !== before;
  }

  async function follow(fresh) {
    if (read() || fresh) await filter();
    const place = found.indexOf(places.get(state.sample));
    if (place >= 0) page = Math.floor(place / PAGE);
    list();
    reveal();
    await open(state.sample);
  }

  function reveal() {
    const items = find("items");
    const current = items.querySelector("[aria-current]");
    if (current) items.scrollTop = current.offsetTop - items.offsetTop - items.clientHeight / 3;
  }

  function step(by) {
    const n = places.get(state.sample);
    let place = found.indexOf(n);
    if (place < 0) place = n === undefined ? (by > 0 ? -1 : found.length) : found.filter((m) => m < n).length - (by > 0);
    const next = found[Math.min(found.length - 1, Math.max(0, place + by))];
    if (next !== undefined) location.hash = address(index.ids[next]);
  }

  function turn(by) {
    page += by;
    list();
    find("items").scrollTop = 0;
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (typing && event.key === "Escape") event.target.blur();
    if (typing) return;
    const acts = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 };
    if (find("items").contains(event.target)) Object.assign(acts, { ArrowDown: 1, ArrowUp: -1 });
    if (event.key === "/") inputs.q.focus();
    else if (event.key in acts) step(acts[event.key]);
    else return;
    event.preventDefault();
  }

  inputs.model.append(...index.models.map((model) => element("option", { value: model.name }, visible(model.title))));
  inputs.group.append(...index.groups.map((group) => element("option", { value: group }, visible(group))));
  inputs.group.closest("label").hidden = !index.groups.length;
  let waiting = 0;
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  function asked(event) {
    for (const [name, input] of Object.entries(inputs)) state[name] = input.value;
    history.replaceState(null, "", address(state.sample));
    page = 0;
    clearTimeout(waiting);
    waiting = setTimeout(filter, event.target === inputs.q ? 250 : 0);
  }
  find("filters").addEventListener("input", asked);
  find("filters").addEventListener("change", asked); // some programs that fill in forms send nothing else
  find("earlier").addEventListener("click", () => turn(-1));
  find("later").addEventListener("click", () => turn(1));
  window.addEventListener("hashchange", () => follow(false));
  document.addEventListener("keydown", pressed);
  find("viewer").hidden = false;
  await follow(true);
}

if (document.querySelector("table.board")) tables();
if (find("viewer")) viewer();
})();
