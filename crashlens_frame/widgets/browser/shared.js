// What the views share. A text is set as text and never as markup, whatever was logged.
const make = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};
const send = (model, values) => {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
};
const follow = (model, names, draw) => {
  for (const name of names) model.on(`change:${name}`, draw);
  draw();
};
// a search begins when nothing has been typed for a moment
const searchField = (model, hint) => {
  const field = make("input", "cl-search");
  field.type = "search";
  field.placeholder = hint;
  field.setAttribute("aria-label", hint);
  field.value = model.get("search");
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => send(model, { search: field.value }), 200);
  });
  model.on("change:search", () => { if (field.value !== model.get("search")) field.value = model.get("search"); });
  return field;
};
