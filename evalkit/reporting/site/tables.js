// Sorts and filters the first page's tables, which can be read without this script.
function makeSortable(table) {
  table.querySelectorAll("th[data-sort]").forEach((header) => {
    const label = header.querySelector(".label");
    const attributes = { class: "sort", title: translate("Sort by this") };
    label.replaceChildren(button(label.textContent, () => sort(table, header), attributes));
  });
}

function sort(table, header) {
  const text = header.dataset.sort === "text";
  const first = text || header.dataset.better === "-1" ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  table.querySelectorAll("th[aria-sort]").forEach((old) => old.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const value = (row) => (text ? row.cells[0].textContent : parseFloat(row.cells[header.cellIndex].dataset.value));
  const rows = [...table.tBodies[0].rows].map((row) => [row, value(row)]);
  rows.sort(([, a], [, b]) => {
    if (text) return sign * a.localeCompare(b);
    return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : sign * (a - b);
  });
  table.tBodies[0].append(...rows.map(([row]) => row));
}

function filterTables() {
  const models = find("models").value.trim().toLowerCase();
  const benchmarks = find("benchmarks").value.trim().toLowerCase();
  const published = !find("published") || find("published").checked;
  let visibleRows = 0;
  document.querySelectorAll("table.board").forEach((table) => {
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const columns = headers.map((h, n) => !n || `${h.textContent} ${h.dataset.category}`.toLowerCase().includes(benchmarks));
    for (const row of table.tBodies[0].rows) {
      const matches = row.cells[0].textContent.toLowerCase().includes(models);
      row.hidden = !matches || (row.classList.contains("published") && !published);
      visibleRows += !row.hidden;
    }
    for (const row of [...table.tBodies[0].rows, headers[0].parentElement]) {
      [...row.cells].forEach((cell, n) => { cell.hidden = !columns[n]; });
    }
    table.closest("section").hidden = columns.filter(Boolean).length < 2;
    fitCategories(table, columns);
  });
  find("count").textContent = models || benchmarks || !published ? translate("{n} rows", { n: visibleRows }) : "";
}

function fitCategories(table, columns) {
  const row = table.querySelector(".bands");
  if (!row) return;
  let start = 1;
  for (const category of [...row.cells].slice(1)) {
    const width = Number(category.dataset.width || category.colSpan);
    category.dataset.width = width;
    const count = columns.slice(start, start + width).filter(Boolean).length;
    category.hidden = !count;
    category.colSpan = count || 1;
    start += width;
  }
}

document.querySelectorAll("table.board").forEach(makeSortable);
find("filters").hidden = false;
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("input", filterTables);
filterTables();
