// A table. The kernel sorts and searches it, and sends the visible page alone.
const SEVERITIES = ["high", "medium", "low"];

function render({ model, el }) {
  const bar = make("div", "cl-gridbar"), scroll = make("div", "cl-scroll"), table = make("table", "cl-grid");
  const head = make("thead"), body = make("tbody"), place = make("span", "cl-note");
  const before = make("button", "cl-turn", "‹"), after = make("button", "cl-turn", "›");
  place.setAttribute("role", "status");
  before.setAttribute("aria-label", "Previous page");
  after.setAttribute("aria-label", "Next page");
  before.onclick = () => send(model, { page: model.get("page") - 1 });
  after.onclick = () => send(model, { page: model.get("page") + 1 });
  const search = searchField(model, model.get("hint"));
  bar.append(search, place, before, after);
  table.append(head, body);
  scroll.append(table);
  el.append(bar, scroll);
  el.classList.add("cl-gridbox");

  const sortBy = (name) => {
    const again = model.get("sort") === name;
    send(model, { sort: name, descending: again ? !model.get("descending") : model.get("falls").includes(name) });
  };
  const drawHead = () => {
    const row = make("tr");
    for (const { name, title, kind } of model.get("columns")) {
      const cell = make("th", `cl-${kind}`), button = make("button", "", title);
      const sorted = model.get("sort") === name;
      if (sorted) button.append(make("span", "cl-sorted", model.get("descending") ? " ▼" : " ▲"));
      cell.setAttribute("aria-sort", sorted ? (model.get("descending") ? "descending" : "ascending") : "none");
      cell.scope = "col";
      button.onclick = () => sortBy(name);
      cell.append(button);
      row.append(cell);
    }
    head.replaceChildren(row);
  };
  const drawCell = (text, kind) => {
    const cell = make("td", `cl-${kind}`);
    const inner = make("span", "", text);
    if (kind === "severity" && SEVERITIES.includes(text)) inner.classList.add("cl-severity", `cl-${text}`);
    if (kind === "change") inner.classList.add(text.startsWith("+") ? "cl-more" : text.startsWith("-") ? "cl-less" : "cl-same");
    cell.title = text;
    cell.append(inner);
    return cell;
  };
  const drawRows = () => {
    const kinds = model.get("columns").map((column) => column.kind), chosen = model.get("chosen");
    const rows = model.get("rows").map(({ key, cells }) => {
      const row = make("tr");
      cells.forEach((text, at) => row.append(drawCell(text, kinds[at])));
      if (model.get("opens")) {
        row.className = "cl-opens";
        row.tabIndex = 0;
        row.setAttribute("aria-selected", key === chosen);
        row.onclick = () => send(model, { chosen: model.get("chosen") === key ? -1 : key });
        row.onkeydown = (event) => {
          if (event.key === "Enter" || event.key === " ") { event.preventDefault(); row.click(); }
        };
      }
      return row;
    });
    const focused = [...body.children].indexOf(document.activeElement);
    body.replaceChildren(...rows);
    if (focused >= 0 && rows[focused]) rows[focused].focus();
    table.hidden = !rows.length;
    place.textContent = model.get("place");
    before.hidden = after.hidden = model.get("pages") < 2;
    before.disabled = model.get("page") < 1;
    after.disabled = model.get("page") >= model.get("pages") - 1;
    search.hidden = model.get("total") < 2;
  };
  follow(model, ["columns", "sort", "descending"], drawHead);
  follow(model, ["rows", "chosen", "place", "pages", "page"], drawRows);
}
export default { render };
