"use strict";
// What works without this: everything but filtering and opening a check that a link leads to.
for (const control of document.querySelectorAll(".filter, .filters")) control.hidden = false;

const statusFilter = document.getElementById("status-filter");
statusFilter.addEventListener("change", () => {
  for (const check of document.querySelectorAll("li.check")) {
    check.hidden = statusFilter.value === "open" && check.dataset.status === "PASS";
  }
});

for (const browser of document.querySelectorAll("[data-samples]")) {
  const rows = [...browser.querySelectorAll("tbody tr")].map((row) => ({
    row,
    id: row.cells[0].textContent.toLowerCase(),
    meets: row.dataset.meets,
    labels: JSON.parse(row.dataset.labels),
  }));
  const controls = [...browser.querySelectorAll("[data-field]")];
  const said = browser.querySelector("output");
  const matches = (sample, field, value) => {
    if (!value) return true;
    if (field === ":meets") return sample.meets === value;
    if (field === ":id") return sample.id.includes(value.toLowerCase());
    return sample.labels[field] === value;
  };
  const filter = () => {
    let shown = 0;
    for (const sample of rows) {
      const fits = controls.every((control) => matches(sample, control.dataset.field, control.value));
      sample.row.hidden = !fits;
      shown += fits;
    }
    said.textContent = shown + " of " + rows.length + " rows";
  };
  for (const control of controls) control.addEventListener("input", filter);
}

const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.classList.contains("check")) {
    const details = target.querySelector(":scope > details");
    if (details) details.open = true;
  }
};
addEventListener("hashchange", reveal);
reveal();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("li.check > details")) details.open = true;
});
