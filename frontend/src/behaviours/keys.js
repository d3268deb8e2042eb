// One key presses a link: <a data-key="l">. The last one on the page goes first, so a page's own button beats the shell's.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

export function isFree(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !typing(event.target) && !document.querySelector("dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (!isFree(event) || event.key.length !== 1) return;
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`)];
  // of a list of entries only the current one is meant
  const chosen = found.find((link) => link.closest("[data-current]")) ?? found.filter((link) => !link.closest("[data-entry]")).at(-1);
  if (!chosen) return;
  event.preventDefault();
  chosen.click();
});
