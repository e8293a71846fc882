// The list of a task's samples: filters, search, paging, keys, and the address that stands for all of them.
const PAGE = 100; // rows of the list at a time
const HELD = 6; // opened blocks kept in memory

async function unpacked(node) {
  const bytes = Uint8Array.from(atob(node.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function viewer() {
  const index = await unpacked(find("index"));
  const nodes = document.querySelectorAll("script.block");
  const items = find("items");
  const opened = new Map();
  const state = { sample: "", show: "", model: "", group: "", q: "" };
  const inputs = { q: find("search"), show: find("show"), model: find("model"), group: find("group") };
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

  function passing() {
    const group = index.groups.indexOf(state.group);
    const chosen = index.models.findIndex((model) => model.name === state.model);
    const shown = {
      wrong: (marks) => /[0pue]/.test(marks), unparsed: (marks) => marks.includes("u"),
      failed: (marks) => marks.includes("e"), right: (marks) => marks.includes("1"),
      apart: (_, all) => new Set(all.replace(/-/g, "")).size > 1,
    }[state.show] || (() => true);
    return [...index.ids.keys()].filter((n) => (!state.group || index.members[n].includes(group)) &&
      shown(chosen < 0 ? index.marks[n] : index.marks[n][chosen], index.marks[n]));
  }

  async function filter() {
    const mine = ++search;
    const words = state.q.trim().toLowerCase();
    const candidates = passing();
    found = words ? [] : candidates;
    list(words ? say("searching") : "");
    let next = 0;
    while (words && next < candidates.length) {
      const number = blockOf(candidates[next]);
      const end = index.starts[number + 1] ?? index.ids.length;
      const samples = await unpacked(nodes[number]);
      if (mine !== search) return;
      for (; next < candidates.length && candidates[next] < end; next++) {
        const n = candidates[next];
        if (contains(samples[n - index.starts[number]], n, words)) found.push(n);
      }
      list(next < candidates.length ? `${say("searching")} ${Math.round((100 * end) / index.ids.length)} %` : "");
    }
  }

  function contains(sample, n, words) {
    const texts = [index.ids[n], index.questions[n], ...sample.answers];
    for (const run of sample.runs) if (run) for (const reply of run.replies) if (reply) texts.push(reply.text || "");
    for (const views of sample.prompts) for (const view of views) for (const [, parts] of view) texts.push(...parts);
    return texts.some((text) => typeof text === "string" && text.toLowerCase().includes(words));
  }

  // --- the list

  function address(sample) {
    const kept = Object.entries({ ...state, sample }).filter(([, value]) => value);
    return `#${new URLSearchParams(kept)}`;
  }

  function list(progress = "") {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    const held = items.contains(document.activeElement);
    items.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(row));
    // Whoever walks the list by keyboard goes on from the sample that is open.
    if (held) items.querySelector("[aria-current]")?.focus({ preventScroll: true });
    const all = index.ids.length;
    const counted = found.length === all ? say("{n} samples", { n: all }) : say("{n} of {all} samples", { n: found.length, all });
    find("count").textContent = [counted, progress].filter(Boolean).join(", ");
    find("page").textContent = `${page + 1} / ${pages}`;
    find("earlier").disabled = page === 0;
    find("later").disabled = page >= pages - 1;
  }

  function row(n) {
    const current = index.ids[n] === state.sample;
    return element("li", {}, element("a", { href: address(index.ids[n]), "aria-current": current && "true" },
      element("span", { class: "id" }, visible(index.ids[n])), marks(index.marks[n], index.models),
      element("span", { class: "ask", dir: "auto" }, visible(index.questions[n]))));
  }

  function turn(by) {
    page += by;
    list();
    items.scrollTop = 0;
  }

  // --- from the address to the page, and back

  async function open(id) {
    const n = places.get(id);
    document.body.toggleAttribute("data-open", n !== undefined);
    if (n === undefined) {
      const text = id ? say("There is no sample {id} here.", { id: visible(id) }) : say("Choose a sample.");
      find("sample").replaceChildren(element("p", { class: "faint" }, text), keys());
      return;
    }
    const number = blockOf(n);
    const sample = (await block(number))[n - index.starts[number]];
    if (state.sample !== id) return; // another one was chosen meanwhile
    const back = button(say("Back to the list"), () => { location.hash = address(""); }, { class: "back" });
    const walk = [button(say("previous"), () => step(-1)), " ", button(say("next"), () => step(1))];
    find("sample").replaceChildren(element("p", { class: "walk" }, back, " ", ...walk), ...whole(sample, n, index));
    window.scrollTo(0, Math.min(window.scrollY, find("viewer").offsetTop));
  }

  function keys() {
    const key = (name) => element("kbd", {}, name);
    return element("p", { class: "faint" }, key("j"), " ", key("→"), ` ${say("next")}, `, key("k"), " ", key("←"),
      ` ${say("previous")}, `, key("/"), ` ${say("search")}`);
  }

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
    const current = items.querySelector("[aria-current]");
    if (current) items.scrollTop = current.offsetTop - items.offsetTop - items.clientHeight / 3;
    await open(state.sample);
  }

  function step(by) {
    const n = places.get(state.sample);
    let place = found.indexOf(n);
    if (place < 0) place = n === undefined ? (by > 0 ? -1 : found.length) : found.filter((m) => m < n).length - (by > 0);
    const next = found[Math.min(found.length - 1, Math.max(0, place + by))];
    if (next !== undefined) location.hash = address(index.ids[next]);
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (typing && event.key === "Escape") event.target.blur();
    if (typing) return;
    const acts = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 };
    if (items.contains(event.target)) Object.assign(acts, { ArrowDown: 1, ArrowUp: -1 });
    if (event.key === "/") inputs.q.focus();
    else if (event.key in acts) step(acts[event.key]);
    else return;
    event.preventDefault();
  }

  let waiting = 0;
  function asked(event) {
    for (const [name, input] of Object.entries(inputs)) state[name] = input.value;
    history.replaceState(null, "", address(state.sample));
    page = 0;
    clearTimeout(waiting);
    waiting = setTimeout(filter, event.target === inputs.q ? 250 : 0);
  }

  inputs.model.append(...index.models.map((model) => element("option", { value: model.name }, visible(model.title))));
  inputs.group.append(...index.groups.map((group) => element("option", { value: group }, visible(group))));
  inputs.group.closest("label").hidden = !index.groups.length;
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", asked);
  find("filters").addEventListener("change", asked); // some programs that fill in forms send nothing else
  find("earlier").addEventListener("click", () => turn(-1));
  find("later").addEventListener("click", () => turn(1));
  window.addEventListener("hashchange", () => follow(false));
  document.addEventListener("keydown", pressed);
  find("viewer").hidden = false;
  await follow(true);
}

if ("DecompressionStream" in window) viewer();
else find("main").append(element("p", {}, say("This browser cannot open compressed data; use one from 2023 or later.")));
