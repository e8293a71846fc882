// Sorting and filtering of the first page's tables, which can be read without it.
function sortable(table) {
  table.querySelectorAll("th[data-sort]").forEach((head) => {
    const label = head.querySelector(".label");
    const named = { class: "sort", title: say("Sort by this") };
    label.replaceChildren(button(label.textContent, () => sort(table, head), named));
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
  find("count").textContent = models || benchmarks || !published ? say("{n} rows", { n: shown }) : "";
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

document.querySelectorAll("table.board").forEach(sortable);
find("filters").hidden = false;
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("input", narrow);
narrow();
