// The list of a task's samples: filters, search, paging, keys, and the address (#sample=ID&...) that restores them.
const PAGE = 100; // rows of the list at a time
const CACHED_BLOCKS = 6; // decompressed blocks in memory

async function decompressed(node) {
  const bytes = Uint8Array.from(atob(node.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function viewer() {
  const index = await decompressed(find("index"));
  const nodes = document.querySelectorAll("script.block");
  const items = find("items");
  const cache = new Map();
  const state = { sample: "", show: "", model: "", group: "", q: "" };
  const inputs = { q: find("search"), show: find("show"), model: find("model"), group: find("group") };
  const places = new Map(index.ids.map((id, n) => [id, n]));
  let matches = []; // positions that pass the filters, ascending
  let page = 0;
  let search = 0; // number of the latest search; an older one stops when it sees another

  async function block(number) {
    const content = cache.get(number) || decompressed(nodes[number]);
    cache.delete(number);
    cache.set(number, content);
    if (cache.size > CACHED_BLOCKS) cache.delete(cache.keys().next().value);
    return content;
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

  // --- samples that pass the filters

  function filtered() {
    const group = index.groups.indexOf(state.group);
    const chosen = index.models.findIndex((model) => model.name === state.model);
    const passes = {
      wrong: (marks) => /[0pue]/.test(marks), unparsed: (marks) => marks.includes("u"),
      failed: (marks) => marks.includes("e"), right: (marks) => marks.includes("1"),
      apart: (_, all) => new Set(all.replace(/-/g, "")).size > 1,
    }[state.show] || (() => true);
    return [...index.ids.keys()].filter((n) => (!state.group || index.members[n].includes(group)) &&
      passes(chosen < 0 ? index.marks[n] : index.marks[n][chosen], index.marks[n]));
  }

  async function filter() {
    const number = ++search;
    const words = state.q.trim().toLowerCase();
    const candidates = filtered();
    matches = words ? [] : candidates;
    showList(words ? translate("searching") : "");
    let next = 0;
    while (words && next < candidates.length) {
      const current = blockOf(candidates[next]);
      const end = index.starts[current + 1] ?? index.ids.length;
      const samples = await decompressed(nodes[current]);
      if (number !== search) return;
      for (; next < candidates.length && candidates[next] < end; next++) {
        const n = candidates[next];
        if (contains(samples[n - index.starts[current]], n, words)) matches.push(n);
      }
      showList(next < candidates.length ? `${translate("searching")} ${Math.round((100 * end) / index.ids.length)} %` : "");
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
    const parameters = Object.entries({ ...state, sample }).filter(([, value]) => value);
    return `#${new URLSearchParams(parameters)}`;
  }

  function showList(progress = "") {
    const pages = Math.max(1, Math.ceil(matches.length / PAGE));
    page = Math.min(page, pages - 1);
    const focused = items.contains(document.activeElement);
    items.replaceChildren(...matches.slice(page * PAGE, (page + 1) * PAGE).map(row));
    // The focused entry was just replaced: focus goes to the open sample, from where the keyboard goes on.
    if (focused) items.querySelector("[aria-current]")?.focus({ preventScroll: true });
    const all = index.ids.length;
    const count = matches.length === all ? translate("{n} samples", { n: all }) : translate("{n} of {all} samples", { n: matches.length, all });
    find("count").textContent = [count, progress].filter(Boolean).join(", ");
    find("page").textContent = `${page + 1} / ${pages}`;
    find("earlier").disabled = page === 0;
    find("later").disabled = page >= pages - 1;
  }

  function row(n) {
    const current = index.ids[n] === state.sample;
    return element("li", {}, element("a", { href: address(index.ids[n]), "aria-current": current && "true" },
      element("span", { class: "id" }, visible(index.ids[n])), outcomeMarks(index.marks[n], index.models),
      element("span", { class: "ask", dir: "auto" }, visible(index.questions[n]))));
  }

  function turnPage(by) {
    page += by;
    showList();
    items.scrollTop = 0;
  }

  // --- from the address to the page, and back

  async function open(id) {
    const n = places.get(id);
    document.body.toggleAttribute("data-open", n !== undefined);
    if (n === undefined) {
      const text = id ? translate("There is no sample {id} here.", { id: visible(id) }) : translate("Choose a sample.");
      find("sample").replaceChildren(element("p", { class: "faint" }, text), keyHelp());
      return;
    }
    const number = blockOf(n);
    const sample = (await block(number))[n - index.starts[number]];
    if (state.sample !== id) return; // another one was chosen meanwhile
    const back = button(translate("Back to the list"), () => { location.hash = address(""); }, { class: "back" });
    const steps = [button(translate("previous"), () => step(-1)), " ", button(translate("next"), () => step(1))];
    find("sample").replaceChildren(element("p", { class: "walk" }, back, " ", ...steps), ...sampleElements(sample, n, index));
    window.scrollTo(0, Math.min(window.scrollY, find("viewer").offsetTop));
  }

  function keyHelp() {
    const key = (name) => element("kbd", {}, name);
    return element("p", { class: "faint" }, key("j"), " ", key("→"), ` ${translate("next")}, `, key("k"), " ", key("←"),
      ` ${translate("previous")}, `, key("/"), ` ${translate("search")}`);
  }

  // True if the address asks for another list than before.
  function readAddress() {
    const parameters = new URLSearchParams(location.hash.slice(1));
    const before = JSON.stringify({ ...state, sample: "" });
    for (const name of Object.keys(state)) state[name] = parameters.get(name) || "";
    for (const [name, input] of Object.entries(inputs)) if (input.value !== state[name]) input.value = state[name];
    return JSON.stringify({ ...state, sample: "" }) !== before;
  }

  async function followAddress(fresh) {
    if (readAddress() || fresh) await filter();
    const place = matches.indexOf(places.get(state.sample));
    if (place >= 0) page = Math.floor(place / PAGE);
    showList();
    const current = items.querySelector("[aria-current]");
    if (current) items.scrollTop = current.offsetTop - items.offsetTop - items.clientHeight / 3;
    await open(state.sample);
  }

  function step(by) {
    const n = places.get(state.sample);
    let place = matches.indexOf(n);
    if (place < 0) place = n === undefined ? (by > 0 ? -1 : matches.length) : matches.filter((m) => m < n).length - (by > 0);
    const next = matches[Math.min(matches.length - 1, Math.max(0, place + by))];
    if (next !== undefined) location.hash = address(index.ids[next]);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (typing && event.key === "Escape") event.target.blur();
    if (typing) return;
    const steps = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 };
    if (items.contains(event.target)) Object.assign(steps, { ArrowDown: 1, ArrowUp: -1 });
    if (event.key === "/") inputs.q.focus();
    else if (event.key in steps) step(steps[event.key]);
    else return;
    event.preventDefault();
  }

  let timer = 0;
  function onFilter(event) {
    for (const [name, input] of Object.entries(inputs)) state[name] = input.value;
    history.replaceState(null, "", address(state.sample));
    page = 0;
    clearTimeout(timer);
    timer = setTimeout(filter, event.target === inputs.q ? 250 : 0);
  }

  inputs.model.append(...index.models.map((model) => element("option", { value: model.name }, visible(model.title))));
  inputs.group.append(...index.groups.map((group) => element("option", { value: group }, visible(group))));
  inputs.group.closest("label").hidden = !index.groups.length;
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", onFilter);
  find("filters").addEventListener("change", onFilter); // some programs that fill in forms send no other event
  find("earlier").addEventListener("click", () => turnPage(-1));
  find("later").addEventListener("click", () => turnPage(1));
  window.addEventListener("hashchange", () => followAddress(false));
  document.addEventListener("keydown", onKey);
  find("viewer").hidden = false;
  await followAddress(true);
}

if ("DecompressionStream" in window) viewer();
else find("main").append(element("p", {}, translate("This browser cannot open compressed data; use one from 2023 or later.")));
