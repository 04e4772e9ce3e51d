// Costs over time as stacked bars, with the hours that were unusual and the budgets, and the values of a bar on hover.
const SVG = "http://www.w3.org/2000/svg", LEFT = 62, RIGHT = 10, TOP = 18, BOTTOM = 26, HEIGHT = 270, WIDEST = 120;

function render({ model, el }) {
  const title = make("div", "cl-chart-title"), field = make("div", "cl-chart"), legend = make("div", "cl-legend");
  const tip = make("div", "cl-tip");
  tip.hidden = true;
  field.append(tip);
  el.append(title, field, legend);

  const node = (tag, values, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const swatch = (name, color, amount) => {
    const line = make("span", "cl-key"), square = make("i");
    square.style.background = color;
    line.append(square, make("span", "cl-name", name), make("b", "", amount));
    line.title = name;
    return line;
  };
  const showTip = (bar, x, width) => {
    tip.replaceChildren(make("b", "", bar.title), make("b", "cl-tip-total", bar.total));
    for (const { name, color, amount } of bar.parts) tip.append(swatch(name, color, amount));
    for (const text of bar.notes) tip.append(make("span", "cl-tip-note", text));
    tip.hidden = false;
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.max(half, Math.min(width - half, x))}px`;
  };
  const draw = () => {
    const data = model.get("data");
    field.querySelector("svg")?.remove();
    title.textContent = data.title;
    legend.replaceChildren(...data.series.map((each) => swatch(each.name, each.color, each.total)));
    if (!data.bars.length) return;
    const width = Math.max(field.clientWidth, 260), top = data.top;
    const [first, last] = data.span;
    const x = (time) => LEFT + (time - first) / (last - first) * (width - LEFT - RIGHT);
    const y = (dollars) => TOP + (1 - dollars / top) * (HEIGHT - TOP - BOTTOM);
    const svg = node("svg", { width, height: HEIGHT, role: "img", "aria-label": data.title });
    for (const { value, text } of data.levels) {
      svg.append(node("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "cl-level" }));
      svg.append(node("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, text));
    }
    for (const band of data.bands) {
      const left = Math.max(x(band.start), LEFT), right = Math.min(x(band.end), width - RIGHT);
      const size = Math.max(right - left, 3);
      svg.append(node("rect", { x: left, y: TOP, width: size, height: HEIGHT - TOP - BOTTOM, fill: band.color, opacity: 0.16 }));
      svg.append(node("rect", { x: left, y: TOP - 5, width: size, height: 5, fill: band.color }));
    }
    data.bars.forEach((bar) => {
      const left = x(bar.start), size = Math.min(Math.max((x(bar.end) - left) * 0.9, 1), WIDEST);
      let below = 0;
      for (const { color, dollars } of bar.parts) {
        const high = y(below) - y(below + dollars);
        svg.append(node("rect", { x: left, y: y(below + dollars), width: size, height: Math.max(high, 0), fill: color }));
        below += dollars;
      }
    });
    for (const limit of data.limits) {
      const flat = limit.value !== undefined, at = flat ? y(limit.value) : x(limit.time);
      svg.append(node("line", flat
        ? { x1: LEFT, x2: width - RIGHT, y1: at, y2: at, class: "cl-limit" }
        : { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM, class: "cl-limit" }));
      const late = flat || at > width / 2;
      svg.append(node("text", flat
        ? { x: width - RIGHT, y: at - 4, "text-anchor": "end", class: "cl-limit-text" }
        : { x: at + (late ? -4 : 4), y: TOP + 10, "text-anchor": late ? "end" : "start", class: "cl-limit-text" },
      limit.text));
    }
    let free = -Infinity;
    for (const { time, text } of data.ticks) {
      const at = x(time), half = text.length * 3.4;
      if (at - half < free || at + half > width) continue;
      svg.append(node("text", { x: at, y: HEIGHT - 8, "text-anchor": "middle" }, text));
      free = at + half + 12;
    }
    data.bars.forEach((bar) => {
      const left = x(bar.start), size = x(bar.end) - left;
      const target = node("rect", { x: left, y: TOP, width: Math.max(size, 2), height: HEIGHT - TOP - BOTTOM, class: "cl-target" });
      target.addEventListener("mouseenter", () => showTip(bar, left + size / 2, width));
      target.addEventListener("mouseleave", () => { tip.hidden = true; });
      svg.append(target);
    });
    field.append(svg);
  };
  const watcher = new ResizeObserver(() => draw());
  watcher.observe(field);
  follow(model, ["data"], draw);
  return () => watcher.disconnect();
}
export default { render };
