// A plan's cards and bars: dragged by mouse or pen, by touch at the grip, and moved by Shift with an arrow. Each move is one POST;
// the page then fetches itself again ("plan-moved"), or the server asks first. Nothing here is needed: menus and forms do the same.
//
//   data-drag="state"  onto a [data-drop] whose name is one of data-moves      data-drag="days"  onto a [data-day]
//   data-drag="line"   along an SVG that is [data-days] long, or onto another line's [data-onto]: then it waits for that one (data-after)
import htmx from "htmx.org";

const FAR_PX = 6; // less is a click
const DAY_MS = 86_400_000;
let drag = null;
let focusOn = "";

const dayOf = (text) => Date.parse(`${text}T00:00:00Z`) / DAY_MS;
const textOf = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
const at = (x, y, wanted) => document.elementsFromPoint(x, y).map((found) => found.closest(wanted)).find(Boolean);
// exactly between two days there is neither of them
const under = (x, y, wanted) => at(x, y, wanted) || at(x + 2, y, wanted) || at(x - 2, y, wanted);

function post(source, values, url = source.dataset.url) {
  focusOn = source.dataset.uid;
  htmx.ajax("POST", url, { source: document.body, swap: "none", values: { drag: "1", ...values } });
}

function shift(source, days) {
  if (!days) return;
  const { start, due } = source.dataset;
  post(source, { starts_on: textOf(dayOf(start) + days), due_on: textOf(dayOf(due) + days) });
}

document.addEventListener("pointerdown", (event) => {
  const source = event.target.closest?.("[data-drag]");
  if (!source || event.button !== 0 || !event.isPrimary) return;
  if (event.target.closest("button, summary, .gs-menu-body")) return;
  const isCard = source.dataset.drag === "state";
  if (isCard && event.pointerType === "touch" && !event.target.closest("[data-grip]")) return;
  drag = { source, x: event.clientX, y: event.clientY, kind: source.dataset.drag, ghost: null, over: null, pointer: event.pointerId };
  drag.day = under(event.clientX, event.clientY, "[data-day]")?.dataset.day;
});

function lift({ source, kind }) {
  document.documentElement.classList.add("gs-drags");
  const box = source.getBoundingClientRect();
  if (kind !== "line") {
    drag.ghost = source.cloneNode(true);
    drag.ghost.classList.add("gs-ghost");
    for (const name of ["data-drag", "data-uid", "id"]) drag.ghost.removeAttribute(name);
    Object.assign(drag.ghost.style, { width: `${box.width}px`, height: `${box.height}px`, margin: "0" });
    document.body.append(drag.ghost);
  }
  drag.box = box;
  source.classList.add("gs-dragging");
  if (kind === "state") {
    const moves = source.dataset.moves.trim().split(" ");
    for (const lane of document.querySelectorAll("[data-drop]")) lane.classList.toggle("may", moves.includes(lane.dataset.drop));
  }
}

function days() {
  const { source, kind, x, to, over, day } = drag;
  if (kind === "days") return over && day ? dayOf(over.dataset.day) - dayOf(day) : 0;
  const line = source.closest("[data-days]");
  const turned = document.documentElement.dir === "rtl" ? -1 : 1;
  return Math.round((turned * (to - x) * Number(line.dataset.days)) / line.getBoundingClientRect().width);
}

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.box) {
    if (Math.hypot(dx, dy) < FAR_PX) return;
    lift(drag);
  }
  drag.to = event.clientX;
  if (drag.ghost) drag.ghost.style.transform = `translate(${drag.box.left + dx}px, ${drag.box.top + dy}px)`;
  if (drag.kind === "line") {
    const line = under(event.clientX, event.clientY, "[data-onto]");
    const onto = line?.dataset.onto !== drag.source.dataset.uid && line;
    if (drag.over !== (onto || null)) {
      drag.over?.classList.remove("over");
      drag.over = onto || null;
      drag.over?.classList.add("over");
    }
    drag.source.setAttribute("transform", `translate(${onto ? 0 : days()} 0)`);
    return;
  }
  const found = drag.kind === "state" ? under(event.clientX, event.clientY, "[data-drop].may") : drag.kind === "days" && under(event.clientX, event.clientY, "[data-day]");
  if (drag.over !== found) {
    drag.over?.classList.remove("over");
    drag.over = found || null;
    drag.over?.classList.add("over");
  }
});

function drop() {
  const { source, ghost, over, box } = drag;
  ghost?.remove();
  over?.classList.remove("over");
  for (const lane of document.querySelectorAll("[data-drop].may")) lane.classList.remove("may");
  source.classList.remove("gs-dragging");
  source.removeAttribute("transform");
  document.documentElement.classList.remove("gs-drags");
  drag = null;
  if (box) swallowClick();
}

/** The click that ends a drag must not open what was dragged. */
function swallowClick() {
  const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 50);
}

document.addEventListener("pointerup", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  const { source, kind, over, box } = drag;
  const by = box && kind !== "state" ? days() : 0;
  const to = kind === "state" ? over?.dataset.drop : "";
  const onto = kind === "line" ? over?.dataset.onto : "";
  drop();
  if (onto) post(source, { before: onto }, source.dataset.after);
  else if (to) post(source, { state: to });
  else shift(source, by);
});
document.addEventListener("pointercancel", () => drag && drop());
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-drag]")) event.preventDefault(); });

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drag) return drop();
  const link = event.target.closest?.("[data-keys]");
  if (!link || !event.shiftKey) return;
  if (event.key === "Enter" && link.dataset.after) {
    event.preventDefault();
    return document.dispatchEvent(new CustomEvent("openModal", { detail: { url: link.dataset.after } }));
  }
  if (!(event.key in STEPS)) return;
  const source = link.closest("[data-drag='state']") || link;
  const turned = document.documentElement.dir === "rtl" && event.key.match(/Left|Right/) ? -1 : 1;
  if (source.dataset.drag !== "state") {
    event.preventDefault();
    return shift(source, turned * STEPS[event.key]);
  }
  if (Math.abs(STEPS[event.key]) !== 1) return;
  event.preventDefault();
  const lanes = [...document.querySelectorAll("[data-drop]")];
  const moves = source.dataset.moves.trim().split(" ");
  const way = turned * STEPS[event.key];
  const here = lanes.indexOf(source.closest("[data-drop]"));
  const goal = (way > 0 ? lanes.slice(here + 1) : lanes.slice(0, here).reverse()).find((lane) => moves.includes(lane.dataset.drop));
  if (goal) post(source, { state: goal.dataset.drop });
});

// whoever works by keyboard goes on where he was, in the page as it is now; who went elsewhere while it was on its way is not called back
document.addEventListener("htmx:beforeSwap", (event) => {
  const here = event.target.id === "plan" && document.activeElement?.closest("#plan [data-uid]");
  if (here) focusOn = here.dataset.uid;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (!focusOn || event.target.id !== "plan") return;
  const moved = document.querySelector(`#plan [data-uid="${focusOn}"]`);
  focusOn = "";
  if (document.activeElement !== document.body) return;
  (moved?.matches("[data-keys]") ? moved : moved?.querySelector("[data-keys]"))?.focus({ preventScroll: false });
});
