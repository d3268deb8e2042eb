// @ in notes: names that fit stand below, Enter or Tab takes one. What was taken goes along as a hidden line; the text stays words.
import htmx from "htmx.org";

const WORDS = /(?:^|[\s(])@([^\n@]{1,60})$/u;
let waiting = null;

function typed(area) {
  return WORDS.exec(area.value.slice(0, area.selectionStart))?.[1] ?? "";
}

function close(notes) {
  const list = notes.querySelector(".gs-mentions");
  list.hidden = true;
  list.replaceChildren();
}

document.addEventListener("input", ({ target }) => {
  const notes = target.closest?.("[data-notes]");
  if (!notes) return;
  clearTimeout(waiting);
  const words = typed(target).trim();
  if (words.length < 2) return close(notes);
  waiting = setTimeout(async () => {
    const list = notes.querySelector(".gs-mentions");
    await htmx.ajax("GET", `${notes.dataset.url}?q=${encodeURIComponent(words)}`, { target: list, swap: "innerHTML" });
    list.hidden = !list.childElementCount;
    list.firstElementChild?.setAttribute("aria-selected", "true");
  }, 180);
});

function take(notes, option) {
  const area = notes.querySelector("textarea");
  const begin = area.selectionStart - typed(area).length;
  area.setRangeText(`${option.dataset.label} `, begin, area.selectionStart, "end");
  const line = document.createElement("input");
  Object.assign(line, { type: "hidden", name: "mention", value: `${option.dataset.mention}|${option.dataset.label}` });
  notes.append(line);
  close(notes);
  area.focus();
}

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest?.("[data-mention]");
  if (!option) return;
  event.preventDefault();
  take(option.closest("[data-notes]"), option);
});

document.addEventListener("keydown", (event) => {
  const notes = event.target.closest?.("[data-notes]");
  const list = notes?.querySelector(".gs-mentions");
  if (event.target.matches?.(".gs-log textarea") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
  if (!list || list.hidden) return;
  const options = [...list.children];
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") close(notes);
  else if (event.key === "Enter" || event.key === "Tab") take(notes, options[Math.max(at, 0)]);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const next = options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length];
    for (const option of options) option.setAttribute("aria-selected", String(option === next));
  } else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
