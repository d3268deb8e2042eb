/** The value of one of the theme's colours: colour("ink-2"). */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--gs-${name}`).trim();
