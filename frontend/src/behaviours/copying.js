// Copy buttons of staff pages.
import { offerCopying } from "../copying.js";

offerCopying();
addEventListener("htmx:load", (event) => offerCopying(event.target));
