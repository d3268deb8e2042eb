// Where tabs do not fit, the one that is open is scrolled into sight: on a phone the sixth would not be seen else.
const show = () => {
  for (const nav of document.querySelectorAll(".gs-tabs")) {
    const current = nav.querySelector('[aria-current="page"]');
    if (!current || nav.scrollWidth <= nav.clientWidth) continue;
    const inside = nav.getBoundingClientRect();
    const box = current.getBoundingClientRect();
    nav.scrollLeft += box.left + box.width / 2 - (inside.left + inside.width / 2);
  }
};

show();
document.addEventListener("htmx:afterSettle", show);
