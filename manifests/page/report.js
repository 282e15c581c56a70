"use strict";
// Filters the examples (#reason=language in the address does, too), and shows a mark's label while the
// pointer is on it. The page reads as well without.
const filters = document.querySelector(".filters");
const rows = [...document.querySelectorAll("article")];
const count = document.querySelector("#count");
function apply() {
  const wanted = Object.fromEntries(new FormData(filters));
  const words = wanted.words.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits =
      ["fate", "source", "reason"].every((key) => !wanted[key] || row.dataset[key] === wanted[key]) &&
      (!words || row.textContent.toLowerCase().includes(words));
    row.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown} of ${rows.length} examples`;
}
if (filters) {
  filters.hidden = false;
  filters.addEventListener("input", apply);
  filters.addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("a[data-reason]")) {
    link.addEventListener("click", () => {
      filters.reset();
      filters.elements.reason.value = link.dataset.reason;
      apply();
    });
  }
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (value && filters.elements[key]) filters.elements[key].value = value;
  }
  apply();
}
for (const mark of document.querySelectorAll("svg path[aria-label]")) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = mark.getAttribute("aria-label");
  mark.append(title);
}
