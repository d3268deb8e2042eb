// The queue by keyboard: j and k move, Enter opens; l and d press the buttons of the entry that is current (keys.js).
import { isFree } from "./keys.js";

const entries = () => [...document.querySelectorAll("[data-queue] [data-entry]")];

function choose(entry) {
  for (const each of entries()) each.toggleAttribute("data-current", each === entry);
  entry.focus({ preventScroll: true });
  entry.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (!isFree(event) || !["j", "k", "Enter"].includes(event.key)) return;
  const all = entries();
  if (!all.length) return;
  const at = all.findIndex((entry) => entry.hasAttribute("data-current"));
  if (event.key === "Enter") {
    if (event.target.closest("a, button, summary")) return;
    all[at]?.querySelector("[data-open-entry]")?.click();
  } else choose(all[Math.max(0, Math.min(all.length - 1, at + (event.key === "j" ? 1 : -1)))]);
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const entry = event.target.closest("[data-queue] [data-entry]");
  if (entry && !event.target.closest("a, button, summary, input")) choose(entry);
});
