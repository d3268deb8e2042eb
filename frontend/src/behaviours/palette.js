// Ctrl-K opens the search in a dialog; arrows move, Enter opens. The link it stands on is a full page as well.
const palette = () => document.getElementById("palette");
const hits = () => [...palette().querySelectorAll(".gs-hit")];

function openPalette() {
  const dialog = palette();
  if (!dialog) return false;
  if (!dialog.open) dialog.showModal();
  const input = dialog.querySelector("input");
  input.focus();
  input.select();
  if (!dialog.querySelector("#search-hits")?.childElementCount) window.htmx.trigger(input, "search");
  return true;
}

function move(step) {
  const all = hits();
  if (!all.length) return;
  const at = all.findIndex((hit) => hit.getAttribute("aria-selected") === "true");
  mark(all[(at + step + all.length) % all.length]);
}

function mark(hit) {
  for (const each of hits()) each.setAttribute("aria-selected", String(each === hit));
  palette().querySelector("input").setAttribute("aria-activedescendant", hit?.id ?? "");
  hit?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && openPalette()) event.preventDefault();
  if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable]") && openPalette()) event.preventDefault();
  if (!event.target.closest?.("#palette")) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    move(event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
  } else if (event.key === "Escape") {
    palette().close(); // a search box would only be emptied
    event.preventDefault();
  } else if (event.key === "Enter") {
    const chosen = hits().find((hit) => hit.getAttribute("aria-selected") === "true");
    if (chosen) {
      event.preventDefault();
      chosen.click();
    }
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-search]") && !event.ctrlKey && !event.metaKey && openPalette()) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "search-hits") mark(hits()[0]);
});
