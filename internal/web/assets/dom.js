// Building and patching of elements. Views are functions from what is known to
// a tree; patch changes what is on the page as little as it can, so that focus,
// selection and scrolling stay.

const SVG = "http://www.w3.org/2000/svg";

function make(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === false || child === null || child === undefined || child === "") continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child);
  }
}

// h makes an element. Children may be nested lists; empty ones are left out.
export const h = (tag, props, ...children) => make(document.createElement(tag), props, children);

// s makes an element of a drawing.
export const s = (tag, props, ...children) => make(document.createElementNS(SVG, tag), props, children);

// fill makes children the content of element.
export function fill(element, ...children) {
  const wanted = document.createElement("div");
  add(wanted, children);
  patchChildren(element, wanted);
}

// kept are attributes that belong to whoever uses the page.
const kept = { DETAILS: ["open"], DIALOG: ["open"] };

function patch(old, wanted) {
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName || key(old) !== key(wanted)) {
    old.replaceWith(wanted);
    return wanted;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return old;
  }
  if (old.nodeName === "INPUT") patchInput(old, wanted);
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !kept[old.nodeName]?.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.nodeName !== "TEXTAREA") patchChildren(old, wanted);
  return old;
}

// patchInput leaves alone what somebody has put in, unless the view wants
// something else than it did.
function patchInput(old, wanted) {
  if (old.hasAttribute("checked") !== wanted.hasAttribute("checked")) old.checked = wanted.checked;
  if (old.getAttribute("value") !== wanted.getAttribute("value") && old.type !== "checkbox") old.value = wanted.value;
}

const key = (node) => node.dataset?.key ?? "";

// patchChildren moves what has a key, and patches the rest in order.
function patchChildren(old, wanted) {
  const keyed = new Map();
  for (const child of old.children) if (key(child)) keyed.set(key(child), child);
  let at = old.firstChild;
  for (const next of [...wanted.childNodes]) {
    const known = key(next) && keyed.get(key(next));
    if (known && known !== at) old.insertBefore(known, at);
    if (known) {
      patch(known, next);
      at = known.nextSibling;
    } else if (at && !key(at)) {
      at = patch(at, next).nextSibling;
    } else {
      old.insertBefore(next, at);
    }
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

// say tells a screen reader something, politely.
export function say(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  setTimeout(() => { status.textContent = text; }, 50); // the same text twice is said twice
}
