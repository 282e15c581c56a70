"use strict";
// Shows a mark's label while the pointer is on it. The page reads as well without.
for (const mark of document.querySelectorAll("svg path[aria-label]")) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = mark.getAttribute("aria-label");
  mark.append(title);
}
