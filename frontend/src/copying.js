// Buttons with data-copy="#id" put that element's text on the clipboard. They are hidden until there is JavaScript to do it.
export function offerCopying(root = document) {
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
}

addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection().selectAllChildren(source); // no clipboard here: the text is selected, to be copied by hand
    return;
  }
  const label = button.querySelector("span") ?? button.lastChild;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  setTimeout(() => { label.textContent = before; }, 1600);
});
