// Selection in lists: the head checkbox, shift-click ranges, the count in the bulk bar, and "all N that match".
let last = null;

function refresh(list) {
  const boxes = [...list.querySelectorAll(".gs-pick")];
  const picked = boxes.filter((box) => box.checked).length;
  const head = list.querySelector("[data-pick-all]");
  if (head) {
    head.checked = picked > 0 && picked === boxes.length;
    head.indeterminate = picked > 0 && picked < boxes.length;
  }
  const all = list.querySelector("input[name=all]");
  if (all && picked < boxes.length) all.checked = false;
  const count = list.querySelector("[data-picked]");
  if (count) count.textContent = all?.checked ? all.dataset.total : String(picked);
}

document.addEventListener("change", (event) => {
  const list = event.target.closest(".gs-list");
  if (!list) return;
  if (event.target.matches("[data-pick-all]")) {
    for (const box of list.querySelectorAll(".gs-pick")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-pick-all], .gs-pick, input[name=all]")) refresh(list);
});

document.addEventListener("click", (event) => {
  const box = event.target.closest(".gs-pick");
  const list = event.target.closest(".gs-list");
  if (box) {
    const boxes = [...list.querySelectorAll(".gs-pick")];
    if (event.shiftKey && boxes.includes(last)) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
    }
    last = box;
    refresh(list);
  }
  if (list && event.target.closest("[data-pick-none]")) {
    for (const each of list.querySelectorAll(".gs-pick")) each.checked = false;
    refresh(list);
  }
});
