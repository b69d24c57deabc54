import { mayAct } from "./api.js";
import { fill, h } from "./dom.js";
import { when } from "./parts.js";

// holds draws why work stands still, above every view.
export function holds(section, list) {
  section.hidden = !list?.length;
  fill(section, h("ul", {}, (list ?? []).map((hold) => h("li", { "data-key": `${hold.reason} ${hold.scope}`, class: hold.reason === "paused" ? "paused" : "" },
    h("strong", {}, hold.reason),
    h("span", { class: "scope" }, hold.scope === "all" ? "all work" : hold.scope.replace("type:", "only ")),
    h("span", { class: "since" }, "since ", when(hold.since)),
    h("span", { class: "text" }, hold.message.replace(`${hold.reason}: `, "")),
    hold.reason === "paused" && mayAct() && h("button", { type: "button", "data-do": "act", "data-verb": "resume", "data-type": hold.scope.startsWith("type:") ? hold.scope.slice(5) : "" }, "Resume…")))));
}
