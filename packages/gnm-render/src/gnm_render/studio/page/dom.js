// Makes elements: make("button", {type: "button", onclick}, "Text", child, ...). Text is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const make = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const draw = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

export function verdictOf(scene) {
  if (!scene.verdict) return null;
  const { accepted, reason } = scene.verdict;
  return make("span", { class: `verdict ${accepted ? "good" : "bad"}`, title: reason || null }, accepted ? "obeys its rule" : reason);
}

export function say(text) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = !text;
}

export function complain(text) {
  const failure = byId("failure");
  failure.textContent = text;
  failure.hidden = !text;
}
