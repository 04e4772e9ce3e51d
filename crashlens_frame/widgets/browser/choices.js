// The values of a label with a box each. The kernel searches them, and sends those with most calls.
function render({ model, el }) {
  const box = make("details", "cl-choices"), title = make("summary"), list = make("div", "cl-values");
  const search = searchField(model, "search"), more = make("span", "cl-note");
  box.open = model.get("opened");
  box.append(title, search, list, more);
  el.append(box);

  const drawTitle = () => {
    const number = model.get("chosen").length;
    title.replaceChildren(make("b", "", model.get("title")));
    if (number) title.append(make("span", "cl-badge", `${number} chosen`));
  };
  const drawValues = () => {
    const chosen = new Set(model.get("chosen"));
    const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
    list.replaceChildren(...model.get("rows").map(({ key, text, count }) => {
      const line = make("label", "cl-value"), tick = make("input");
      tick.type = "checkbox";
      tick.value = key;
      tick.checked = chosen.has(key);
      tick.onchange = () => {
        const now = new Set(model.get("chosen"));
        if (tick.checked) now.add(key); else now.delete(key);
        send(model, { chosen: [...now] });
      };
      const name = make("span", "cl-name", text);
      name.title = text;
      line.append(tick, name, make("span", "cl-count", count));
      return line;
    }));
    if (focused !== null) list.querySelector(`input[value="${focused}"]`)?.focus();
    more.textContent = model.get("more");
    search.hidden = !model.get("can_search");
  };
  follow(model, ["title", "chosen"], drawTitle);
  follow(model, ["rows", "chosen", "more", "can_search"], drawValues);
}
export default { render };
