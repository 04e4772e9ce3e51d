// What only the browser can do: the view in the address of the page, and files that it saves.
function render({ model, el }) {
  model.on("msg:custom", ({ name, type }, buffers) => {
    const link = make("a"), address = URL.createObjectURL(new Blob([buffers[0]], { type }));
    link.href = address;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  });
  if (!model.get("has_address")) return undefined;
  const read = () => send(model, { state: location.hash.slice(1) });
  const write = () => history.replaceState(null, "", `#${model.get("state")}`);
  if (location.hash.length > 1) read(); else if (model.get("state")) write();
  model.on("change:state", write);
  addEventListener("hashchange", read);
  const button = make("button", "cl-copy", "Copy link to this view");
  button.onclick = async () => {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy link to this view"; }, 1500);
  };
  el.append(button);
  return () => removeEventListener("hashchange", read);
}
export default { render };
