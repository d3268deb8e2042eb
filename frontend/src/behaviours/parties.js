// "With whom": a match that is ticked moves up to the chosen ones, and the box is free for the next name.
document.addEventListener("change", ({ target }) => {
  const options = target.closest?.("[data-parties] [data-options]");
  if (!options || !target.checked) return;
  const field = options.closest("[data-parties]");
  const chosen = field.querySelector("[data-chosen]");
  const twin = [...field.querySelectorAll("input[type=checkbox]")].find((box) => box !== target && box.value === target.value);
  if (twin) twin.checked = true;
  else chosen.append(target.closest("label"));
  options.replaceChildren();
  const input = field.querySelector("input[type=search]");
  input.value = "";
  input.focus();
});

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("[data-parties]");
  if (!field) return;
  const boxes = [...field.querySelectorAll("[data-options] input")];
  const at = boxes.indexOf(event.target);
  if (event.key === "ArrowDown" && boxes.length) boxes[Math.min(at + 1, boxes.length - 1)].focus();
  else if (event.key === "ArrowUp" && at >= 0) (boxes[at - 1] ?? field.querySelector("input[type=search]")).focus();
  else if (event.key === "Enter" && event.target.type === "search" && event.target.value && boxes.length) boxes[0].click();
  else if (event.key === "Enter" && at >= 0) boxes[at].click();
  else return;
  event.preventDefault();
});

// a letter or a message is one-way until somebody says that they answered
document.addEventListener("change", ({ target }) => {
  if (target.name === "is_two_way") target.dataset.said = "1";
  if (target.name !== "kind" || !target.closest(".gs-log")) return;
  const way = target.form.elements.is_two_way;
  if (way && !way.dataset.said) way.checked = !["letter", "message"].includes(target.value);
});
