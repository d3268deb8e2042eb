// <c-chart> holds its table and its figures; the drawing library is loaded only where a chart stands.
import htmx from "htmx.org";

htmx.onLoad(async (root) => {
  const holders = [...root.querySelectorAll("[data-chart]")];
  if (root.matches?.("[data-chart]")) holders.push(root);
  if (!holders.length) return;
  const { draw } = await import("../charts/draw.js");
  for (const holder of holders) draw(holder);
});
