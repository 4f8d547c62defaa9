// Runs before the first paint: with scripts, the table behind a chart stays folded while the chart is being drawn.
"use strict";
document.documentElement.classList.add("drawing");
addEventListener("load", () => document.documentElement.classList.remove("drawing"));
