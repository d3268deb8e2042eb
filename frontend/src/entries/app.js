// Everything a staff page needs: htmx for partial updates, Alpine's CSP build, and the behaviours of the kit.
import htmx from "htmx.org";
import Alpine from "@alpinejs/csp";
import "behaviours";

window.htmx = htmx;
window.Alpine = Alpine;
Alpine.start();
