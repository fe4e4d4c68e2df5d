/* SPDX-License-Identifier: Apache-2.0
 * Shows the row of the table that belongs to the point under the pointer, or chosen with the arrow keys. All of it can
 * be read without this. */
document.querySelectorAll("figure.u").forEach(function (figure) {
  var svg = figure.querySelector("svg"), rows = figure.querySelectorAll("tbody tr"), heads = figure.querySelectorAll("th");
  if (!svg || !rows.length) return;
  var tip = document.createElement("div"), line = document.createElementNS(svg.namespaceURI, "line"), at = -1;
  tip.className = "tip";
  tip.hidden = true;
  line.setAttribute("class", "cursor");
  line.setAttribute("y1", 22);
  line.setAttribute("y2", 218);
  var left = +svg.dataset.x, dx = +svg.dataset.dx;
  function show(i) {
    at = Math.max(0, Math.min(rows.length - 1, i));
    var cells = rows[at].cells, x = left + (at + 0.5) * dx, text = [];
    for (var k = 0; k < cells.length; k++)
      if (cells[k].textContent && cells[k].textContent !== "-") text.push(heads[k].textContent + "  " + cells[k].textContent);
    tip.textContent = text.join("\n");
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    svg.appendChild(line);
    figure.appendChild(tip);
    tip.hidden = false;
    var place = x / 960 * svg.clientWidth;
    tip.style.left = place > svg.clientWidth / 2 ? "" : place + 14 + "px";
    tip.style.right = place > svg.clientWidth / 2 ? svg.clientWidth - place + 14 + "px" : "";
  }
  function hide() {
    tip.hidden = true;
    if (line.parentNode) svg.removeChild(line);
  }
  svg.addEventListener("pointermove", function (e) {
    var box = svg.getBoundingClientRect(), i = Math.floor(((e.clientX - box.left) / box.width * 960 - left) / dx);
    if (i >= 0 && i < rows.length) show(i); else hide();
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", function (e) {
    if (e.key === "Escape") hide();
    if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
    e.preventDefault();
    show(at + (e.key === "ArrowRight" ? 1 : -1));
  });
});
