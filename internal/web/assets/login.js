import { enter } from "./api.js";
import { h } from "./dom.js";

// view asks for name and password.
export function view() {
  let trouble = "";
  return {
    name: "login",
    title: "Log in",
    async load() {},
    draw: () => [
      h("h1", { tabindex: "-1" }, "Log in"),
      h("form", { class: "login" },
        h("label", {}, "Name", h("input", { name: "name", autocomplete: "username", required: true, maxlength: 64 })),
        h("label", {}, "Password", h("input", { name: "password", type: "password", autocomplete: "current-password", required: true })),
        h("button", { class: "primary" }, "Log in"),
        trouble && h("p", { class: "trouble", role: "alert" }, trouble)),
    ],
    async submit(form) {
      const data = new FormData(form);
      try {
        await enter({ name: data.get("name"), password: data.get("password") });
        return "in";
      } catch (error) {
        trouble = error.message;
        form.elements.password.value = "";
        form.elements.password.focus();
        return "draw";
      }
    },
  };
}
