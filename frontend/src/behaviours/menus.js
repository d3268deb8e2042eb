// Menus are <details> and open by themselves; this closes them as people expect, and moves by arrow keys.
const open = () => document.querySelectorAll("details.gs-menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    }
    if (location.hash === "#nav") location.hash = "";
    return;
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const menu = event.target.closest?.("details.gs-menu[open]");
  if (!menu || event.target.matches("select, textarea, input[type=date]")) return;
  const items = [...menu.querySelectorAll(".gs-menu-body :is(a, button, input)")].filter((item) => item.offsetParent);
  const at = items.indexOf(document.activeElement);
  const next = items.at((at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1)) % items.length);
  next?.focus();
  event.preventDefault();
});
